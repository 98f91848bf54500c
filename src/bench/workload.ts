/** What the benchmarks train and evaluate: the embedded images, fresh networks, usual settings. */

import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { type ImageSet, selectImages } from "../data/image_set.ts";
import { loadSigns, SIGNS_CLASS_NAMES } from "../data/signs.ts";
import { attentionDistillation } from "../defenses/attention_distillation.ts";
import type { DefenseSettings } from "../defenses/defense.ts";
import { RECIPES, recipeSettings } from "../defenses/recipes.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { loadModel, type Model } from "../nn/model.ts";
import { namedArchitecture } from "../nn/architectures.ts";
import { initialState } from "../nn/state.ts";
import type { ImageStore } from "../train/image_store.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import { createTrainer, type Trainer } from "../train/trainer.ts";

/** Steps that train: by cross-entropy alone, or with a teacher's forward pass and attention. */
export type TrainingStep = "train" | "nad";

/** Images that are drawn; a benchmark that wants more sees them again. */
const DRAWN_IMAGES = 640;

/** The network of a name such as `wrn-16-1`, for the classes of the images. */
export function benchArchitecture(name: string): Architecture {
  return namedArchitecture(name, SIGNS_CLASS_NAMES.length);
}

/** The paper's settings, for an epoch with every augmentation that costs time and no decay. */
export function benchDefense(batchSize: number): DefenseSettings {
  const recipe = {
    ...RECIPES.paper,
    epochs: 1,
    teacherEpochs: 1,
    batchSize,
    leastSteps: 0,
    schedule: "constant",
  } as const;
  const images = { images: batchSize, preprocessing: PLAIN_PREPROCESSING, flip: true, seed: 1 };
  return recipeSettings(recipe, images);
}

/** `count` images, the same in every run. */
export function benchImages(count: number): ImageSet {
  const drawn = loadSigns({ parts: ["train"], trainCount: Math.min(count, DRAWN_IMAGES) }).train;
  return selectImages(drawn, Array.from({ length: count }, (_, i) => i % drawn.labels.length));
}

/** Networks that a step needs; disposing of them frees both. */
export interface Networks extends Disposable {
  readonly student: Model;
  readonly teacher: Model;
}

/** A fresh student and a fresh teacher. */
export function createNetworks(gpu: Gpu, architecture: Architecture): Networks {
  const create = (seed: number, name: string) =>
    loadModel(gpu, architecture, initialState(architecture, seed), `a fresh ${name}`);
  using scope = gpu.scope();
  const networks = {
    student: scope.own(create(1, "student")),
    teacher: scope.own(create(2, "teacher")),
  };
  const memory = scope.move();
  return { ...networks, [Symbol.dispose]: () => memory[Symbol.dispose]() };
}

/** A training run of `steps` steps an epoch. */
export function createBenchTrainer(
  gpu: Gpu,
  step: TrainingStep,
  { student, teacher }: Networks,
  store: ImageStore,
  { batchSize, steps }: { batchSize: number; steps: number },
): Trainer {
  const indices = Uint32Array.from({ length: steps * batchSize }, (_, i) => i % store.count);
  const objective = step === "train"
    ? CROSS_ENTROPY
    : attentionDistillation(teacher, benchDefense(batchSize).distillation);
  return createTrainer(
    gpu,
    student,
    { store, indices },
    objective,
    benchDefense(batchSize).training,
  );
}
