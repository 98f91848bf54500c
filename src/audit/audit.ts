/**
 * How suspicious a model is, judged without any trigger: for each class the smallest trigger that
 * leads to it and the largest margin by which it can win, and how far the class stands out by both.
 *
 * A backdoored class is reached by a small trigger (Neural Cleanse, `trigger_inversion.ts`) and wins
 * by a large margin (MM-BD, `maximum_margin.ts`). The former shows the trigger but loses its edge
 * where the trigger covers the image; the latter needs no images and no idea of the trigger's shape.
 * Both are compared with the other classes as logarithms, for they vary by factors. A class's anomaly
 * is the mean of both deviations: what one of them shows by chance the other halves.
 */

import type { Preprocessing } from "../../shaders/gather.ts";
import { imageCount, type ImageSet, selectImages } from "../data/image_set.ts";
import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { DataError, ModelError, UsageError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Scratch } from "../gpu/scratch.ts";
import { loadModel, type Model } from "../nn/model.ts";
import type { NamedState } from "../nn/state.ts";
import { evaluateModel } from "../train/evaluate.ts";
import { uploadImages } from "../train/image_store.ts";
import { robustDeviations } from "./anomaly.ts";
import { maximumMargins } from "./maximum_margin.ts";
import { recoveredTrigger } from "./recovered_trigger.ts";
import { createInversion, type RecoveredTrigger } from "./trigger_inversion.ts";

/** What to audit, and how long. */
export interface AuditSettings {
  /** What the model was trained with. */
  readonly preprocessing: Preprocessing;
  /** Classes to compare, at least {@linkcode LEAST_CLASSES}. Default: all. */
  readonly labels?: readonly number[] | undefined;
  /** Most steps of the search for each class's trigger. */
  readonly steps: number;
  /** Most images to use, drawn at random. */
  readonly images: number;
  /** Of everything random. */
  readonly seed: number;
}

/** Settings that tell backdoored from clean models in `docs/audit.md`. */
export const AUDIT_DEFAULTS = { steps: 80, images: 256, seed: 1 } as const;

/** What was found for a class. */
export interface ClassAudit extends RecoveredTrigger {
  /** The class. */
  readonly label: number;
  /** Share of the images of other classes that the recovered trigger leads to this one. */
  readonly successRate: number;
  /** Largest margin of its logit over the others, on any image. */
  readonly margin: number;
  /** Mean of both robust deviations from the other classes, in standard deviations. */
  readonly anomaly: number;
}

/** What an audit found. */
export interface AuditResult {
  /** In the order of the labels asked for. */
  readonly classes: readonly ClassAudit[];
  /** The largest anomaly. */
  readonly anomalyIndex: number;
  /** Labels whose anomaly is above {@linkcode ANOMALY_THRESHOLD}, most anomalous first. */
  readonly flagged: readonly number[];
  /** Images used. */
  readonly images: number;
  /** Share of them that the model classifies right: of a model that does not work, nothing counts. */
  readonly accuracy: number;
  /** Wall time. */
  readonly seconds: number;
}

/** Who watches an audit. */
export interface AuditHooks {
  /** Stops the audit. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the share of the work that is done, and the class that is being looked at. */
  onProgress?(share: number, label: number | undefined): void;
}

/** Anomaly above which a class is flagged, as in Neural Cleanse. */
export const ANOMALY_THRESHOLD = 2;

/** Fewest classes of which a median absolute deviation says anything. */
export const LEAST_CLASSES = 3;

/** Images of a step. Small: many small steps find a trigger sooner than few large ones. */
const BATCH_SIZE = 16;

/** Random images that ascend to the largest margin of a class, and how. */
const ASCENT = { starts: 3, steps: 50, step: 0.03 };

/** Logarithms are taken of nothing less: a class that never wins has a negative margin. */
const LEAST = 1e-3;

/**
 * Standard deviation of the logarithms that is expected of clean classes at least. The MAD of few
 * classes is small by chance so often that without this a fifth of clean models with five classes
 * would be flagged (simulated with normal values), and with it a fiftieth.
 */
const LEAST_SPREAD = 0.2;

/**
 * Audits a model with clean images.
 *
 * @throws {UsageError} for fewer than {@linkcode LEAST_CLASSES} labels, or unknown or repeated ones.
 * @throws {DataError} where a class leaves less than a batch of images of other classes.
 * @throws {ModelError} where its logits are NaN or infinite.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function audit(
  gpu: Gpu,
  model: Model | NamedState,
  images: ImageSet,
  settings: AuditSettings,
  hooks: AuditHooks = {},
): Promise<AuditResult> {
  const start = performance.now();
  const { classes } = model.architecture;
  const labels = settings.labels ?? allLabels(classes);
  const chosen = selectImages(images, checkAudit(images, settings, classes));
  const { preprocessing, steps, seed } = settings;
  const { height, width } = chosen;
  const { signal } = hooks;
  using scope = gpu.scope();
  const loaded = "state" in model
    ? scope.own(loadModel(gpu, model.architecture, model.state, model.source))
    : model;
  const store = scope.own(uploadImages(gpu, chosen));
  const common = { preprocessing, batchSize: BATCH_SIZE, seed };
  // Images that each part takes through the network, roughly, for the progress.
  const ascending = labels.length * ASCENT.starts * ASCENT.steps;
  const inverting = steps * BATCH_SIZE;
  const total = ascending + labels.length * inverting;
  const margins = await maximumMargins(
    gpu,
    loaded,
    labels,
    { ...common, ...ASCENT, height, width },
    { signal, onProgress: (share) => hooks.onProgress?.(share * ascending / total, undefined) },
  );
  const overflow = margins.findIndex((margin) => !Number.isFinite(margin));
  if (overflow >= 0) {
    throw new ModelError(
      `cannot audit the model: the margin of class ${labels[overflow]} is NaN or infinite, ` +
        "expected finite logits; its weights are too large for these images",
    );
  }
  // Searching and measuring take turns.
  const scratch = new Scratch(scope);
  const search = { ...common, steps, scratch };
  const inversion = scope.own(createInversion(gpu, loaded, store, search));
  const found: (RecoveredTrigger & { successRate: number })[] = [];
  let accuracy = 0;
  for (const [i, label] of labels.entries()) {
    const done = ascending + i * inverting;
    const trigger = await inversion.invert(label, recordsOutside(chosen, label), {
      signal,
      onProgress: ({ step }) => hooks.onProgress?.((done + step * BATCH_SIZE) / total, label),
    });
    const evaluation = await evaluateModel(gpu, loaded, store, {
      preprocessing,
      signal,
      scratch,
      backdoor: {
        name: "recovered",
        trigger: recoveredTrigger(trigger, chosen),
        target: { mode: "all2one", label },
      },
    });
    // checkAudit() has seen to images of other classes.
    accuracy = evaluation.accuracy!;
    found.push({ ...trigger, successRate: evaluation.attack!.successRate! });
  }
  const anomalies = anomaliesOf(found.map(({ maskNorm }) => maskNorm), margins);
  const results = found.map((trigger, i) => ({
    ...trigger,
    label: labels[i]!,
    margin: margins[i]!,
    anomaly: anomalies[i]!,
  }));
  return {
    classes: results,
    anomalyIndex: Math.max(...anomalies),
    flagged: results
      .filter(({ anomaly }) => anomaly > ANOMALY_THRESHOLD)
      .sort((a, b) => b.anomaly - a.anomaly)
      .map(({ label }) => label),
    images: imageCount(chosen),
    accuracy,
    seconds: (performance.now() - start) / 1000,
  };
}

/** How far each class stands out: the mean of how small its mask and how large its margin is. */
export function anomaliesOf(maskNorms: readonly number[], margins: readonly number[]): number[] {
  const deviations = (values: readonly number[]) =>
    robustDeviations(values.map((value) => Math.log(Math.max(value, LEAST))), LEAST_SPREAD);
  const large = deviations(margins);
  return deviations(maskNorms).map((small, i) => (large[i]! - small) / 2);
}

/**
 * The records of the images that an audit with these settings uses, drawn at random, ascending.
 *
 * @throws {UsageError} and {DataError} as {@linkcode audit} does.
 */
export function checkAudit(
  images: ImageSet,
  settings: Pick<AuditSettings, "labels" | "images" | "seed">,
  classes: number,
): Uint32Array<ArrayBuffer> {
  const labels = settings.labels ?? allLabels(classes);
  checkLabels(labels, classes);
  const random = new RandomStream(settings.seed, RandomPurpose.cleanSubset);
  const records = shuffle(imageCount(images), random).slice(0, settings.images).sort();
  for (const label of labels) {
    const others = records.filter((record) => images.labels[record] !== label).length;
    if (others >= BATCH_SIZE) continue;
    throw new DataError(
      `cannot audit class ${label} with ${others} images of other classes: expected at least ` +
        `${BATCH_SIZE}`,
    );
  }
  return records;
}

function checkLabels(labels: readonly number[], classes: number): void {
  if (labels.length < LEAST_CLASSES) {
    throw new UsageError(
      `cannot audit ${labels.length} classes: expected at least ${LEAST_CLASSES}, for a class is ` +
        "judged by the others",
    );
  }
  const bad = labels.find((label, i) =>
    !Number.isInteger(label) || label < 0 || label >= classes || labels.indexOf(label) !== i
  );
  if (bad !== undefined) {
    throw new UsageError(
      `cannot audit class ${bad}: expected each class once, 0 to ${classes - 1}`,
    );
  }
}

const allLabels = (classes: number) => Array.from({ length: classes }, (_, label) => label);

/** Images of other classes. */
function recordsOutside({ labels }: ImageSet, label: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(labels.keys()).filter((i) => labels[i] !== label);
}
