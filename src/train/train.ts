/** A whole training run: epochs, with a snapshot after each from which it can go on, bit for bit. */

import type { StateDict } from "../formats/host_tensor.ts";
import { elementCount } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { flatLayout, type Model, readModel, writeModel } from "../nn/model.ts";
import {
  createTrainer,
  type EpochMetrics,
  type Objective,
  type TrainingImages,
  type TrainingSettings,
  type TrainingWatch,
} from "./trainer.ts";

/** Everything that the rest of a run depends on. */
export interface Snapshot {
  /** Epochs done. */
  readonly epoch: number;
  /** Parameters and statistics. */
  readonly state: StateDict;
  /** The optimiser's momentum, by parameter. */
  readonly velocity: StateDict;
}

/** What to train, how, and who watches. */
export interface TrainingRun extends TrainingWatch {
  /** Trained in place. */
  readonly model: Model;
  /** What it is trained on. */
  readonly images: TrainingImages;
  /** What is minimised. */
  readonly objective: Objective;
  /** How. */
  readonly settings: TrainingSettings;
  /** Goes on from here instead of from the model's present state. */
  readonly resume?: Snapshot | undefined;
  /** Called after every epoch; the run waits for it. */
  readonly onEpoch?: (metrics: EpochMetrics, snapshot: () => Promise<Snapshot>) => Promise<void>;
}

/**
 * Trains `run.model`.
 *
 * @throws {TrainingError} when a loss becomes NaN or infinite.
 * @throws {Interrupted} when the signal is aborted; what `onEpoch` saved is where to go on.
 */
export async function train(gpu: Gpu, run: TrainingRun): Promise<void> {
  const { model, settings, resume } = run;
  if (resume) writeModel(gpu, model, resume.state, "the checkpoint");
  const trainer = createTrainer(gpu, model, run.images, run.objective, settings);
  try {
    const { offsets, elements } = flatLayout(model.architecture, "parameter");
    if (resume) {
      const flat = new Float32Array(elements);
      for (const [name, { data }] of resume.velocity) {
        flat.set(data as Float32Array, offsets.get(name)!);
      }
      gpu.write(trainer.velocity, flat);
    }
    for (let epoch = resume?.epoch ?? 0; epoch < settings.epochs; epoch++) {
      const metrics = await trainer.runEpoch(epoch, run);
      await run.onEpoch?.(metrics, async () => {
        const [bytes] = await gpu.read(trainer.velocity);
        const flat = new Float32Array(bytes!);
        const velocity: StateDict = new Map();
        for (const { name, shape, kind } of model.architecture.entries) {
          if (kind !== "parameter") continue;
          const first = offsets.get(name)!;
          const data = flat.slice(first, first + elementCount(shape));
          velocity.set(name, { dtype: "float32", shape, data });
        }
        return { epoch: epoch + 1, state: await readModel(gpu, model), velocity };
      });
    }
  } finally {
    trainer.destroy();
  }
}
