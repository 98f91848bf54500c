/** Training a network from scratch, with a backdoor or without: what the other side does. */

import type { Preprocessing } from "../../shaders/gather.ts";
import type { ImageSet } from "../data/image_set.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { loadModel, readModel } from "../nn/model.ts";
import { initialState } from "../nn/state.ts";
import { evaluateModel, type Evaluation } from "../train/evaluate.ts";
import type { Backdoor } from "../data/backdoor.ts";
import { uploadImages } from "../train/image_store.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import { type Snapshot, train } from "../train/train.ts";
import type { EpochMetrics, EpochProgress, TrainingSettings } from "../train/trainer.ts";
import type { Poisoning } from "./poison.ts";
import { poisonedSet, type TrainingTriggers } from "./poisoned_set.ts";

/** What to train. */
export interface ImplantRequest {
  /** The network, trained from scratch. */
  readonly architecture: Architecture;
  /** Images to train on, before poisoning. */
  readonly train: ImageSet;
  /** Images to measure on. */
  readonly test: ImageSet;
  /** For the measurement; training has its own in `training`. */
  readonly preprocessing: Preprocessing;
  /** How to train; its seed draws the first parameters too. */
  readonly training: TrainingSettings;
  /** Without it the network is clean. */
  readonly attack?: {
    /** What is implanted. */
    readonly backdoor: Backdoor;
    /** Which images carry it. */
    readonly poisoning: Poisoning;
    /** What training images carry, where that is not the backdoor's trigger alone. */
    readonly triggers?: TrainingTriggers | undefined;
    /** Their pixels before the trigger, (poisoned,3,H,W), where the attack has changed them. */
    readonly prepared?: Uint8Array | undefined;
  } | undefined;
}

/** Who watches and saves. */
export interface ImplantHooks {
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /** Goes on from here. */
  readonly resume?: Snapshot | undefined;
  /** Called about once a second of training. */
  onProgress?(progress: EpochProgress): void;
  /** Called after every epoch; the run waits for it. */
  onEpoch?(metrics: EpochMetrics, snapshot: Snapshot): Promise<void>;
  /** Called as the measurement goes on, with images done. */
  onEvaluationProgress?(images: number, total: number): void;
}

/**
 * Trains a network from its seed and measures it.
 *
 * @throws {TrainingError} where a loss becomes NaN or infinite.
 * @throws {Interrupted} when the signal is aborted.
 */
export async function implant(
  gpu: Gpu,
  request: ImplantRequest,
  hooks: ImplantHooks = {},
): Promise<{ state: StateDict; evaluation: Evaluation }> {
  const { architecture, training, preprocessing, attack } = request;
  const fresh = initialState(architecture, training.seed);
  using model = loadModel(gpu, architecture, fresh, `a new ${architecture.name}`);
  const poisoned = attack && poisonedSet(
    request.train,
    attack.poisoning,
    attack.triggers ?? { poisoned: attack.backdoor.trigger },
    attack.prepared,
  );
  {
    using store = uploadImages(gpu, poisoned?.images ?? request.train);
    await train(gpu, {
      model,
      images: { store, indices: poisoned?.indices, trigger: poisoned?.trigger },
      objective: CROSS_ENTROPY,
      settings: training,
      signal: hooks.signal,
      resume: hooks.resume,
      onProgress: (progress) => hooks.onProgress?.(progress),
      onEpoch: async (metrics, snapshot) => await hooks.onEpoch?.(metrics, await snapshot()),
    });
  }
  using test = uploadImages(gpu, request.test);
  const evaluation = await evaluateModel(gpu, model, test, {
    preprocessing,
    backdoor: attack?.backdoor,
    signal: hooks.signal,
    onProgress: (images) => hooks.onEvaluationProgress?.(images, test.count),
  });
  return { state: await readModel(gpu, model), evaluation };
}
