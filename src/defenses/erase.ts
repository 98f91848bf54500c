/**
 * The main job: a backdoored student and clean images -> a finetuned teacher -> the student with its
 * backdoor erased by attention distillation, measured before and after. Li et al. (ICLR 2021),
 * section 3.
 *
 * Attack success, where a backdoor is given, is measured for the record. Nothing here reads it.
 */

import type { AttentionOperator } from "../../shaders/attention.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import type { ImageSet } from "../data/image_set.ts";
import { ModelError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { destroyModel, loadModel, type Model, readModel } from "../nn/model.ts";
import { type Backdoor, evaluateModel, type Evaluation } from "../train/evaluate.ts";
import { destroyImages, type ImageStore, uploadImages } from "../train/image_store.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import type { PhaseSnapshot } from "../train/snapshot_file.ts";
import { train } from "../train/train.ts";
import type { EpochMetrics, EpochProgress, Objective, TrainingSettings } from "../train/trainer.ts";
import { attentionDistillation } from "./attention_distillation.ts";
import { checkTaps } from "./check_taps.ts";

/** A network's state and where it came from. */
export interface NamedState {
  /** What `state` is a state of. */
  readonly architecture: Architecture;
  /** Parameters and statistics by name. */
  readonly state: StateDict;
  /** For messages: a file name. */
  readonly source: string;
}

/** What to erase, with what, and how. */
export interface EraseRequest {
  /** The network that may carry a backdoor. */
  readonly student: NamedState;
  /** Distils from this network instead of a finetuned copy of the student. */
  readonly teacher?: NamedState | undefined;
  /** The defender's clean images. */
  readonly clean: ImageSet;
  /** Images to measure on. */
  readonly test: ImageSet;
  /** For the measurements; training has its own. */
  readonly preprocessing: Preprocessing;
  /** Finetuning of the teacher. */
  readonly teacherTraining: TrainingSettings;
  /** Distillation of the student. */
  readonly studentTraining: TrainingSettings;
  /** Weight of each tap's attention loss. */
  readonly betas: readonly number[];
  /** How activations become attention maps. */
  readonly operator: AttentionOperator;
  /** Measured before and after, where it is known. */
  readonly backdoor?: Backdoor | undefined;
}

/** The models that an erasure measures. */
export type EraseStage = "before" | "teacher" | "after";

/** The phases that train. */
export type TrainingPhase = "teacher" | "student";

/** Who watches an erasure, saves its pieces, and brings back those of an interrupted one. */
export interface EraseHooks {
  /** Stops the run; what the hooks saved is where to go on. */
  readonly signal?: AbortSignal | undefined;
  /** What an earlier, interrupted run had reached. */
  readonly resume?: {
    readonly done: ReadonlySet<EraseStage>;
    /** The finished teacher. */
    readonly teacher?: StateDict | undefined;
    readonly snapshot?: PhaseSnapshot | undefined;
  } | undefined;
  /** Called as a measurement goes on, with images done. */
  onEvaluationProgress?(stage: EraseStage, images: number, total: number): void;
  /** Called with each result; the run waits for it. */
  onEvaluated?(stage: EraseStage, evaluation: Evaluation): Promise<void>;
  /** Called about once a second of training. */
  onProgress?(phase: TrainingPhase, progress: EpochProgress): void;
  /** Called after every epoch; the run waits for it. */
  onEpoch?(phase: TrainingPhase, metrics: EpochMetrics, snapshot: PhaseSnapshot): Promise<void>;
  /** Called with each finished network; the run waits for it. */
  onTrained?(phase: TrainingPhase, state: StateDict): Promise<void>;
}

/**
 * Runs the whole job. Results go through the hooks as they come; the return value is the cleaned
 * state.
 *
 * @throws {ModelError} where student and teacher have different class counts or cannot be distilled.
 * @throws {TrainingError} where a loss becomes NaN or infinite.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function erase(
  gpu: Gpu,
  request: EraseRequest,
  hooks: EraseHooks = {},
): Promise<StateDict> {
  const { student, teacher: given, resume } = { ...request, ...hooks };
  if (given && given.architecture.classes !== student.architecture.classes) {
    throw new ModelError(
      `cannot distil ${student.source} with ${student.architecture.classes} classes from ` +
        `${given.source} with ${given.architecture.classes}: expected equal class counts`,
    );
  }
  const models: Model[] = [];
  const stores: ImageStore[] = [];
  const load = ({ architecture, state, source }: NamedState) => {
    const model = loadModel(gpu, architecture, state, source);
    models.push(model);
    return model;
  };
  const upload = (set: ImageSet) => {
    const store = uploadImages(gpu, set);
    stores.push(store);
    return store;
  };
  try {
    const test = upload(request.test);
    const clean = upload(request.clean);
    const measure = async (stage: EraseStage, model: Model) => {
      if (resume?.done.has(stage)) return;
      const evaluation = await evaluateModel(gpu, model, test, {
        preprocessing: request.preprocessing,
        backdoor: request.backdoor,
        signal: hooks.signal,
        onProgress: (images) => hooks.onEvaluationProgress?.(stage, images, test.count),
      });
      await hooks.onEvaluated?.(stage, evaluation);
    };
    const trainPhase = async (
      phase: TrainingPhase,
      model: Model,
      objective: Objective,
      settings: TrainingSettings,
    ) => {
      const snapshot = resume?.snapshot;
      await train(gpu, {
        model,
        images: { store: clean },
        objective,
        settings,
        signal: hooks.signal,
        resume: snapshot?.phase === phase ? snapshot : undefined,
        onProgress: (progress) => hooks.onProgress?.(phase, progress),
        onEpoch: async (metrics, take) =>
          await hooks.onEpoch?.(phase, metrics, { phase, ...await take() }),
      });
      await hooks.onTrained?.(phase, await readModel(gpu, model));
    };

    const erased = load(student);
    await measure("before", erased);
    const { operator, preprocessing, studentTraining: { batchSize } } = request;
    await checkTaps(gpu, erased, clean, { operator, preprocessing, batchSize });

    const finished = resume?.teacher;
    const teacher = load(
      given ?? (finished ? { ...student, state: finished, source: "the teacher" } : student),
    );
    if (!given && !finished) {
      await trainPhase("teacher", teacher, CROSS_ENTROPY, request.teacherTraining);
    }
    await measure("teacher", teacher);

    const objective = attentionDistillation(teacher, { betas: request.betas, operator });
    await trainPhase("student", erased, objective, request.studentTraining);
    await measure("after", erased);
    return await readModel(gpu, erased);
  } finally {
    for (const model of models) destroyModel(gpu, model);
    for (const store of stores) destroyImages(gpu, store);
  }
}
