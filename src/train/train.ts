/** A whole training run: epochs, with a snapshot after each from which it can go on, bit for bit. */

import type { StateDict } from "../formats/host_tensor.ts";
import { elementCount } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Scratch } from "../gpu/scratch.ts";
import { flatLayout, loadModel, type Model, readModel, writeModel } from "../nn/model.ts";
import type { CurveEnds } from "./curve.ts";
import { extrapolated } from "./extrapolation.ts";
import type { FixedElements } from "./fixed_elements.ts";
import { choose, type Kept, type Selection } from "./selection.ts";
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
  /** Parameters and statistics of the network that is trained. */
  readonly state: StateDict;
  /** The optimiser's momentum, by parameter. */
  readonly velocity: StateDict;
  /** Its running average, where there is one. */
  readonly average?: StateDict | undefined;
  /** The epoch chosen so far, where there is a choice. */
  readonly kept?: Kept | undefined;
}

/** A snapshot and the part of the run that it belongs to. */
export interface PhaseSnapshot extends Snapshot {
  /** For example `teacher` or `student`. */
  readonly phase: string;
}

/** What to train, how, and who watches. */
export interface TrainingRun extends TrainingWatch {
  /** Trained in place; with `resume` still as training found it, for `settings.extrapolation`. */
  readonly model: Model;
  /** What it is trained on. */
  readonly images: TrainingImages;
  /** What is minimised. */
  readonly objective: Objective;
  /** How. */
  readonly settings: TrainingSettings;
  /** Trains the middle of a curve between these ends. */
  readonly ends?: CurveEnds | undefined;
  /** Chooses the epoch that is kept; without it the last one is. */
  readonly selection?: Selection | undefined;
  /** Goes on from here instead of from the model's present state. */
  readonly resume?: Snapshot | undefined;
  /** Elements of parameters that are 0 and stay so. */
  readonly fixed?: FixedElements | undefined;
  /** Memory for intermediate values, where programs share it. */
  readonly scratch?: Scratch | undefined;
  /** Called after every epoch; the run waits for it. */
  readonly onEpoch?:
    | ((metrics: TrainedEpoch, snapshot: () => Promise<Snapshot>) => Promise<void>)
    | undefined;
}

/** An epoch with what was measured after it. */
export interface TrainedEpoch extends EpochMetrics {
  /** On the images that choose the epoch, 0..1. */
  readonly heldOutAccuracy?: number | undefined;
}

/**
 * Trains `run.model`, which ends as the chosen epoch left it, or beyond that where settings have an
 * extrapolation (not for the middle of a curve).
 *
 * @throws {TrainingError} when a loss becomes NaN or infinite.
 * @throws {Interrupted} when the signal is aborted; what `onEpoch` saved is where to go on.
 */
export async function train(gpu: Gpu, run: TrainingRun): Promise<void> {
  const { model, settings, resume, ends } = run;
  const { extrapolation = 0 } = settings;
  const start = extrapolation && !ends ? await readModel(gpu, model) : undefined;
  if (resume) writeModel(gpu, model, resume.average ?? resume.state, "the checkpoint");
  // Where an average is kept it is `model` that follows, so that whoever looks at it sees the average.
  using scope = gpu.scope();
  const trained = settings.averaging
    ? scope.own(
      loadModel(gpu, model.architecture, resume?.state ?? await readModel(gpu, model), "a copy"),
    )
    : model;
  const average = trained === model ? undefined : model;
  const trainer = scope.own(
    createTrainer(gpu, trained, run.images, run.objective, settings, {
      ends,
      average,
      fixed: run.fixed,
      scratch: run.scratch,
    }),
  );
  const { selection } = run;
  let kept = resume?.kept;
  const { offsets, elements } = flatLayout(model.architecture, "parameter");
  if (resume) {
    const flat = new Float32Array(elements);
    for (const [name, { data }] of resume.velocity) {
      flat.set(data as Float32Array, offsets.get(name)!);
    }
    gpu.write(trainer.velocity, flat);
  }
  const patient = (epoch: number) =>
    !selection?.patience || !kept || epoch - kept.bestEpoch < selection.patience;
  const first = resume?.epoch ?? 0;
  for (let epoch = first; epoch < settings.epochs && patient(epoch); epoch++) {
    const metrics = await trainer.runEpoch(epoch, run);
    const heldOut = await selection?.measure();
    if (heldOut) {
      const choice = choose(kept, epoch + 1, heldOut);
      kept = choice.epoch === epoch + 1 ? { ...choice, state: await readModel(gpu, model) } : kept;
    }
    const heldOutAccuracy = heldOut && heldOut.correct / heldOut.samples;
    await run.onEpoch?.({ ...metrics, heldOutAccuracy }, async () => {
      const [bytes] = await gpu.read(trainer.velocity);
      const flat = new Float32Array(bytes!);
      const velocity: StateDict = new Map();
      for (const { name, shape, kind } of model.architecture.entries) {
        if (kind !== "parameter") continue;
        const first = offsets.get(name)!;
        const data = flat.slice(first, first + elementCount(shape));
        velocity.set(name, { dtype: "float32", shape, data });
      }
      const state = await readModel(gpu, trained);
      const averaged = average && await readModel(gpu, average);
      return { epoch: epoch + 1, state, velocity, average: averaged, kept };
    });
  }
  if (kept && kept.epoch < settings.epochs) writeModel(gpu, model, kept.state, "the kept epoch");
  if (start) {
    const way = { start, trained: await readModel(gpu, model) };
    const beyond = extrapolated(model.architecture, way, extrapolation);
    writeModel(gpu, model, beyond, "the extrapolation");
  }
}
