/**
 * Runs a defence and measures what it presents, before, on the way and after. Attack success, where
 * a backdoor is given, is measured here for the record; a defence has no way to it.
 */

import type { Preprocessing } from "../../shaders/gather.ts";
import type { ImageSet } from "../data/image_set.ts";
import { DataError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { Scratch } from "../gpu/scratch.ts";
import { loadModel, type Model, readModel, writeModel } from "../nn/model.ts";
import type { NamedState } from "../nn/state.ts";
import { createEvaluator, evaluateModel, type Evaluation } from "../train/evaluate.ts";
import type { Backdoor } from "../data/backdoor.ts";
import { uploadImages } from "../train/image_store.ts";
import { expectFreshStatistics } from "../train/extrapolation.ts";
import { estimateStatistics } from "../train/statistics.ts";
import { type PhaseSnapshot, train, type TrainedEpoch } from "../train/train.ts";
import type { EpochProgress } from "../train/trainer.ts";
import type { Defense, DefenseContext, DefenseSettings } from "./defense.ts";

/** What to clean, with what, how, and on what to measure. */
export interface DefendRequest {
  /** The method. */
  readonly defense: Defense;
  /** The network that may carry a backdoor. */
  readonly student: NamedState;
  /** For `nad`: distils from this network instead of a finetuned copy of the student. */
  readonly teacher?: NamedState | undefined;
  /** The defender's clean images to train on. */
  readonly clean: ImageSet;
  /** The defender's clean images to choose by. */
  readonly heldOut?: ImageSet | undefined;
  /** How. */
  readonly settings: DefenseSettings;
  /** What is measured on the way; no defence sees any of it. */
  readonly measurement: {
    /** Images to measure on. */
    readonly test: ImageSet;
    /** As the network was trained with. */
    readonly preprocessing: Preprocessing;
    /** Measured too, where it is known. */
    readonly backdoor?: Backdoor | undefined;
  };
}

/** Who watches a defence, saves its pieces, and brings back those of an interrupted one. */
export interface DefendHooks {
  /** Stops the run; what the hooks saved is where to go on. */
  readonly signal?: AbortSignal | undefined;
  /** What an earlier, interrupted run had reached. */
  readonly resume?: {
    /** Stages that have been measured. */
    readonly done: ReadonlySet<string>;
    /** The last snapshot of training. */
    readonly snapshot?: PhaseSnapshot | undefined;
    /** What a finished phase came to. */
    trained(phase: string): Promise<StateDict | undefined>;
  } | undefined;
  /** Called as a measurement goes on, with images done. */
  onEvaluationProgress?(stage: string, images: number, total: number): void;
  /** Called with each result, `before` first and `after` last; the run waits for it. */
  onEvaluated?(stage: string, evaluation: Evaluation): Promise<void>;
  /** Called about once a second of training. */
  onProgress?(phase: string, progress: EpochProgress): void;
  /** Called after every epoch; the run waits for it. */
  onEpoch?(phase: string, metrics: TrainedEpoch, snapshot: PhaseSnapshot): Promise<void>;
  /** Called with the network of each finished phase; the run waits for it. */
  onTrained?(phase: string, state: StateDict): Promise<void>;
  /** Called with what a defence puts on record; the run waits for it. */
  onNote?(name: string, value: unknown): Promise<void>;
}

/**
 * Runs the whole job. Results go through the hooks as they come; the return value is the cleaned
 * state.
 *
 * @throws {ModelError} where networks do not fit together or cannot be distilled.
 * @throws {DataError} where the clean images lack a class.
 * @throws {UsageError} for an extrapolation with the statistics of training.
 * @throws {TrainingError} where a loss becomes NaN or infinite, or a teacher is no good.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function defend(
  gpu: Gpu,
  request: DefendRequest,
  hooks: DefendHooks = {},
): Promise<StateDict> {
  const { student, settings, measurement } = request;
  const { signal, resume } = hooks;
  if (request.defense.trains) {
    expectAllClasses(request.clean, student.architecture.classes);
    expectFreshStatistics(settings.training.extrapolation, settings.statistics);
  }
  using scope = gpu.scope();
  const load = ({ architecture, state, source }: NamedState) =>
    scope.own(loadModel(gpu, architecture, state, source));
  const { preprocessing } = settings.training;
  const clean = scope.own(uploadImages(gpu, request.clean));
  const heldOut = request.heldOut && scope.own(uploadImages(gpu, request.heldOut));
  const present = async (stage: string, model: Model) => {
    if (resume?.done.has(stage)) return;
    // On the GPU for the measurement only: in between it would outweigh the training.
    using test = uploadImages(gpu, measurement.test);
    const evaluation = await evaluateModel(gpu, model, test, {
      preprocessing: measurement.preprocessing,
      backdoor: measurement.backdoor,
      signal,
      onProgress: (images) => hooks.onEvaluationProgress?.(stage, images, test.count),
    });
    await hooks.onEvaluated?.(stage, evaluation);
  };
  const context: DefenseContext = {
    gpu,
    student,
    teacher: request.teacher,
    clean,
    heldOut,
    settings,
    signal,
    load,
    present,
    async train(phase, model, objective, training, { ends, fixed } = {}) {
      const finished = await resume?.trained(phase);
      if (finished) {
        writeModel(gpu, model, finished, phase);
        return;
      }
      {
        using phaseScope = gpu.scope();
        // Training and judging take turns.
        const scratch = new Scratch(phaseScope);
        const judge = heldOut && !ends
          ? phaseScope.own(await createEvaluator(gpu, model, heldOut, { preprocessing, scratch }))
          : undefined;
        await train(gpu, {
          model,
          images: { store: clean },
          objective,
          settings: training,
          ends,
          fixed,
          selection: judge &&
            { measure: () => judge.evaluate({ signal }), patience: settings.patience },
          signal,
          scratch,
          resume: resume?.snapshot?.phase === phase ? resume.snapshot : undefined,
          onProgress: (progress) => hooks.onProgress?.(phase, progress),
          onEpoch: async (metrics, take) =>
            await hooks.onEpoch?.(phase, metrics, { phase, ...await take() }),
        });
      }
      if (settings.statistics === "clean" && !ends) {
        await estimateStatistics(gpu, model, clean, training, signal);
      }
      await hooks.onTrained?.(phase, await readModel(gpu, model));
    },
    async heldOutAccuracy(model) {
      if (!heldOut) return undefined;
      const { accuracy } = await evaluateModel(gpu, model, heldOut, { preprocessing, signal });
      return accuracy ?? undefined;
    },
    note: async (name, value) => await hooks.onNote?.(name, value),
  };
  {
    using before = load(student);
    await present("before", before);
  }
  const cleaned = await request.defense.run(context);
  await present("after", cleaned);
  return await readModel(gpu, cleaned);
}

/** A network that is trained without a class forgets it. */
function expectAllClasses({ labels }: ImageSet, classes: number): void {
  const present = new Set(labels);
  for (let label = 0; label < classes; label++) {
    if (present.has(label)) continue;
    throw new DataError(
      `cannot train on ${labels.length} clean images without one of class ${label}: the network ` +
        "would forget it; use a larger --clean-fraction or other images",
    );
  }
}
