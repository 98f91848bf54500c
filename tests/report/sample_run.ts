/** Runs and measurements made up for tests of reports: three classes, 8x8 images, no GPU. */

import { badnets } from "../../src/attacks/badnets.ts";
import { triggeredImage } from "../../src/data/trigger.ts";
import type { Measurement, NetworkOutput } from "../../src/report/measurement.ts";
import { imageOf } from "../../src/report/picture.ts";
import type { AuditDocument } from "../../src/runs/audit.ts";
import type { EvaluationDocument } from "../../src/runs/evaluation.ts";
import type { ReportInput } from "../../src/report/report_input.ts";
import type { RecoveredPatterns, RunContents } from "../../src/report/run_contents.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import type { RunRecord } from "../../src/runs/run_record.ts";
import { uniformValues } from "../reference/values.ts";
import { CLASSES, smallImages } from "../train/small.ts";

/** What each string of a run is replaced by to see whether it is escaped. */
export const HOSTILE = `../../<img src="https://example.com/x.png" onerror='alert(1)'>&`;

export const CLASS_NAMES: readonly string[] = ["red", "green", "blue"];

const TARGET = { mode: "all2one", label: 2 } as const;

/** What `run.json` holds of one model. */
export function evaluationOf(accuracy: number, successRate?: number): EvaluationDocument {
  const attack = successRate === undefined ? {} : {
    attack: {
      name: "badnets",
      target: TARGET.label,
      samples: 200,
      success: Math.round(200 * successRate),
      successRate,
      correct: Math.round(200 * (1 - successRate)),
      recoveredAccuracy: 1 - successRate,
      correctNonTarget: Math.round(200 * accuracy),
      accuracyNonTarget: accuracy,
    },
  };
  return {
    model: "model.safetensors",
    dataset: "signs",
    samples: 300,
    correct: Math.round(300 * accuracy),
    accuracy,
    ...attack,
    adapter: "llvmpipe",
    seconds: 2,
  };
}

const TRAINING = {
  epochs: 3,
  batchSize: 32,
  learningRate: 0.05,
  schedule: "cosine",
  augmentation: { cropPadding: 4, flip: false, cutout: 0 },
  seed: 7,
};

/** The record of a finished run of `erase`. */
export const ERASE_RECORD: RunRecord = {
  command: "erase",
  lethe: "0.1.0",
  deno: "2.9.6",
  adapter: "llvmpipe",
  started: "2026-11-22T23:16:57.819Z",
  finished: true,
  seconds: 185,
  settings: {
    model: "/models/suspicious.pth",
    teacher: null,
    dataset: "signs",
    data: "/data",
    limit: null,
    roi: false,
    preprocessing: { mean: [0, 0, 0], deviation: [1, 1, 1] },
    subset: { fraction: 0.05, seed: 7 },
    teacherTraining: TRAINING,
    studentTraining: TRAINING,
    betas: [500, 1000, 1000],
    attack: { name: "badnets", target: TARGET, options: {}, seed: 1 },
  },
  results: {
    before: evaluationOf(0.95, 1),
    teacher: evaluationOf(0.94, 0.1),
    after: evaluationOf(0.93, 0.02),
  },
};

/** Three epochs of a teacher and of a student. */
export function sampleMetrics(): MetricsLine[] {
  return ["teacher", "student"].flatMap((phase) =>
    [1, 2, 3].map((epoch) => {
      const ce = 1 / epoch;
      const at = phase === "student" ? [1e-4, 2e-4, 4e-4].map((value) => value / epoch) : [];
      return { phase, epoch, step: 10 * epoch, ce, at, loss: 2 * ce, lr: 0.1, imagesPerSecond: 9 };
    })
  );
}

/** A run that holds nothing but the given record and metrics. */
export function sampleRun(
  record: RunRecord = ERASE_RECORD,
  metrics: readonly MetricsLine[] = sampleMetrics(),
): RunContents {
  return { path: "runs/erase-1", record, metrics, patterns: new Map(), missing: [] };
}

/** A network that takes clean images for what they are, and triggered ones for what it is told. */
function outputOf(labels: Uint16Array, predict: (label: number, i: number) => number) {
  const predictions = labels.map(predict);
  const counts = new Uint32Array(CLASSES * CLASSES);
  for (const [i, label] of labels.entries()) counts[label * CLASSES + predictions[i]!]!++;
  const attention = [4, 2].map((side) => ({
    height: side,
    width: side,
    maps: [0, 1].map((sample) => Float32Array.from(uniformValues(side * side, 0, 9, sample))),
  }));
  return { predictions, confusion: { classes: CLASSES, counts }, attention } as NetworkOutput;
}

/** Twenty images; the backdoored network errs wherever the trigger is, the erased one on image 3. */
export function sampleMeasurement(): Measurement {
  const clean = smallImages(20, 1);
  const { labels } = clean;
  const trigger = badnets.trigger({ height: 8, width: 8, seed: 1, options: {} });
  const backdoor = { name: "badnets", trigger, target: TARGET };
  const triggered = {
    ...clean,
    pixels: Uint8Array.from(
      [...labels.keys()].flatMap((i) => [...triggeredImage(trigger, imageOf(clean, i).pixels, i)]),
    ),
  };
  const right = (label: number) => label;
  const slip = (label: number, i: number) => i === 3 ? (label + 1) % CLASSES : label;
  return {
    records: Uint32Array.from(labels, (_, i) => 2 * i),
    clean,
    triggered,
    backdoor,
    samples: [labels.indexOf(0), labels.indexOf(1)],
    networks: [
      {
        name: "backdoored",
        classes: CLASSES,
        clean: outputOf(labels, right),
        triggered: outputOf(labels, () => TARGET.label),
      },
      {
        name: "erased",
        classes: CLASSES,
        clean: outputOf(labels, slip),
        triggered: outputOf(labels, slip),
      },
    ],
  };
}

/** An audit that suspects the given classes. */
export function sampleAudit(flagged: readonly number[]): AuditDocument {
  return {
    model: "model.safetensors",
    dataset: "signs",
    images: 256,
    accuracy: 0.9,
    adapter: "llvmpipe",
    seconds: 60,
    anomalyIndex: flagged.length > 0 ? 3.7 : 1.1,
    threshold: 2,
    flagged,
    classes: CLASS_NAMES.map((name, label) => ({
      label,
      name,
      maskNorm: flagged.includes(label) ? 4.2 : 20 + label,
      successRate: 0.99,
      margin: 7 + label,
      anomaly: flagged.includes(label) ? 3.7 : 1.1 - label,
    })),
  };
}

/** Patterns of three classes on 8x8 images. */
export function samplePatterns(): RecoveredPatterns {
  const values = (count: number, seed: number) =>
    Float32Array.from(uniformValues(count, 0, 1, seed));
  const [mask, pattern] = [values(CLASSES * 64, 1), values(CLASSES * 3 * 64, 2)];
  return { classes: CLASSES, height: 8, width: 8, mask, pattern };
}

/** All that a report of `run` can be made from. */
export function sampleInput(run: RunContents = sampleRun()): ReportInput {
  return {
    run,
    classNames: CLASS_NAMES,
    measurement: sampleMeasurement(),
    missing: [],
    commands: [{ purpose: "Makes the run again:", line: "deno task erase \\\n  --seed 1" }],
  };
}

/** Every string within JSON replaced by {@linkcode HOSTILE}, but for the fields named. */
export function hostile<T>(value: T, kept: readonly string[] = []): T {
  return JSON.parse(
    JSON.stringify(
      value,
      (key, inner) => typeof inner === "string" && !kept.includes(key) ? HOSTILE : inner,
    ),
  );
}
