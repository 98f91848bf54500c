/** Everything that the project can do on a GPU, once each, in small. */

import type { AttentionOperator } from "../../shaders/attention.ts";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { ATTACKS } from "../../src/attacks/attacks.ts";
import { audit, AUDIT_DEFAULTS } from "../../src/audit/audit.ts";
import { peakKernel } from "../../src/bench/peak.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { DEFENSES } from "../../src/defenses/defenses.ts";
import { defend, type DefendRequest } from "../../src/defenses/defend.ts";
import type { DefenseSettings } from "../../src/defenses/defense.ts";
import { RECIPES, recipeSettings } from "../../src/defenses/recipes.ts";
import { selfTest } from "../../src/doctor/self_test.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { FAMILIES, namedArchitecture } from "../../src/nn/architectures.ts";
import { loadModel } from "../../src/nn/model.ts";
import { initialState, type NamedState } from "../../src/nn/state.ts";
import { attentionMaps } from "../../src/report/attention_maps.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import type { TrainingSettings } from "../../src/train/trainer.ts";
import { wholeValues } from "../reference/values.ts";

const CLASSES = 3;

const PREPROCESSING: Preprocessing = { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.4] };

const OPERATORS: readonly AttentionOperator[] = [
  { reduction: "sum", power: 2 },
  { reduction: "mean", power: 1 },
  { reduction: "sum", power: 4 },
  { reduction: "mean", power: 3 },
];

function images(count: number, side: number): ImageSet {
  const pixels = Uint8Array.from(wholeValues(count * 3 * side * side, 256, 1));
  return {
    pixels,
    labels: Uint16Array.from({ length: count }, (_, i) => i % CLASSES),
    height: side,
    width: side,
  };
}

function network(name: string): NamedState {
  const architecture = namedArchitecture(name, CLASSES);
  return { architecture, state: initialState(architecture, 1), source: name };
}

/** A defence of one epoch of each of its phases. */
async function recordDefense(
  gpu: Gpu,
  defense: DefendRequest["defense"],
  settings: DefenseSettings,
  request: { network: string; side: number; images: number; preprocessing: Preprocessing },
): Promise<void> {
  const short = (training: TrainingSettings) => ({ ...training, epochs: 1 });
  await defend(gpu, {
    defense,
    student: network(request.network),
    clean: images(request.images, request.side),
    heldOut: images(7, request.side),
    settings: {
      ...settings,
      training: short(settings.training),
      teacherTraining: short(settings.teacherTraining),
      teacherFloor: 100,
    },
    measurement: { test: images(10, request.side), preprocessing: request.preprocessing },
  });
}

/** Runs all jobs on a device that only records them. */
export async function recordJobs(gpu: Gpu): Promise<void> {
  const small = { network: "wrn-10-1", side: 8, images: 64, preprocessing: PREPROCESSING };
  for (const recipe of Object.values(RECIPES)) {
    const use = { images: 64, preprocessing: PLAIN_PREPROCESSING, flip: true, seed: 1 };
    const usual = recipeSettings({ ...recipe, leastSteps: 0 }, use);
    const full = { ...small, network: "wrn-16-1", side: 32, preprocessing: PLAIN_PREPROCESSING };
    await recordDefense(gpu, DEFENSES[0]!, usual, full);
    const other = recipeSettings(recipe, { ...use, preprocessing: PREPROCESSING, flip: false });
    for (const defense of DEFENSES) await recordDefense(gpu, defense, other, small);
  }
  const use = { images: 64, preprocessing: PREPROCESSING, flip: true, seed: 1 };
  const usual = recipeSettings(RECIPES.lethe, use);
  for (const operator of OPERATORS) {
    const distillation = { ...usual.distillation, operator, distance: "l2" } as const;
    await recordDefense(gpu, DEFENSES[0]!, { ...usual, distillation }, small);
  }
  const features = { ...usual.distillation, kind: "features" } as const;
  await recordDefense(gpu, DEFENSES[0]!, { ...usual, distillation: features }, small);
  for (const { example } of FAMILIES) {
    const request = { ...small, network: example, side: 32, images: 32 };
    await recordDefense(gpu, DEFENSES[0]!, usual, request);
  }

  for (const attack of ATTACKS) await recordAttack(gpu, attack, usual.training);
  const { architecture, state, source } = network("wrn-10-1");
  const model = loadModel(gpu, architecture, state, source);
  for (
    const [set, preprocessing] of [[images(60, 8), PREPROCESSING], [
      images(61, 9),
      PLAIN_PREPROCESSING,
    ]] as const
  ) {
    await audit(gpu, model, set, { ...AUDIT_DEFAULTS, preprocessing });
    const store = uploadImages(gpu, set);
    await evaluateModel(gpu, model, store, { preprocessing, logits: true });
    for (const operator of OPERATORS) {
      await attentionMaps(gpu, model, store, [0, 1], { operator, preprocessing });
    }
  }
  await selfTest(gpu);
  const [read, write] = [gpu.createBuffer(8, "x"), gpu.createBuffer(4 * 64 * 4096, "y")];
  gpu.prepare(peakKernel(8), [read], [write]);
}

/** The preparation of an attack, and an evaluation with its trigger. */
async function recordAttack(
  gpu: Gpu,
  attack: typeof ATTACKS[number],
  training: TrainingSettings,
): Promise<void> {
  const { architecture, state, source } = network("wrn-10-1");
  const train = images(64, 8);
  const { height, width } = train;
  const request = { height, width, seed: 1, train, architecture, training };
  const poisoned = Uint32Array.from({ length: 8 }, (_, i) => i);
  const prepared = await attack.prepare?.(gpu, { ...request, poisoned, options: {} }, {});
  const trigger = attack.trigger({ height, width, seed: 1, options: prepared?.options ?? {} });
  const model = loadModel(gpu, architecture, state, source);
  const store = uploadImages(gpu, train);
  for (const overflow of ["clamp", "wrap"] as const) {
    const target = { mode: "all2one", label: 1 } as const;
    const backdoor = {
      name: attack.name,
      target,
      trigger: "scale" in trigger ? { ...trigger, overflow } : trigger,
    };
    await evaluateModel(gpu, model, store, { preprocessing: PREPROCESSING, backdoor });
  }
}
