/** Measuring a model: every image once, counted on the GPU, one read-back at the end. */

import { type Preprocessing, TRIGGERED } from "../../shaders/gather.ts";
import { checkFiniteKernel, collectRowsKernel, confusionKernel } from "../../shaders/metrics.ts";
import { NOT_FINITE } from "../../shaders/state.ts";
import type { Backdoor } from "../data/backdoor.ts";
import { type ImageTrigger, isPixelTrigger } from "../data/trigger.ts";
import { DataError, ModelError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Scratch } from "../gpu/scratch.ts";
import { type Model, recordForward } from "../nn/model.ts";
import { locatedTensor } from "../tensor/tensor.ts";
import { expectTriggerSize, startEpoch } from "./batches.ts";
import {
  type AttackCounts,
  attackCounts,
  type CleanCounts,
  cleanCounts,
  type Confusion,
} from "./confusion.ts";
import { type ImageStore, readImages, uploadImages } from "./image_store.ts";
import { recordPass } from "./pass.ts";
import { type RunOptions, runSteps } from "./run_steps.ts";

/**
 * Images that are evaluated together. Larger batches are no faster (2026-11, llvmpipe), and at the
 * usual batch size of training the kernels are those that a teacher's forward pass needs anyway.
 */
export const EVALUATION_BATCH_SIZE = 64;

/** How to evaluate. */
export interface EvaluationOptions extends RunOptions {
  /** What the model was trained with. */
  readonly preprocessing: Preprocessing;
  /** Measures attack success too. */
  readonly backdoor?: Backdoor | undefined;
  /** Also returns the logits of the untouched images. */
  readonly logits?: boolean;
  /** Memory for intermediate values, where programs share it. */
  readonly scratch?: Scratch | undefined;
}

/** What evaluation found. */
export interface Evaluation extends CleanCounts {
  /** Present where a backdoor was given. */
  readonly attack?: AttackCounts;
  /** On untouched images. */
  readonly confusion: Confusion;
  /** On triggered images. */
  readonly triggeredConfusion?: Confusion;
  /** (N,K) */
  readonly logits?: Float32Array<ArrayBuffer>;
  /** Wall time. */
  readonly seconds: number;
}

/**
 * A recorded evaluation, which can be run again after the model has changed. Disposing of it frees its
 * GPU memory; model and images stay.
 */
export interface Evaluator extends Disposable {
  /**
   * Evaluates the model as it now is.
   *
   * @throws {Interrupted} when the signal is aborted.
   * @throws {ModelError} where a parameter, a running statistic or a logit is NaN or infinite: what
   * it would then count says nothing about the model.
   */
  evaluate(options?: RunOptions): Promise<Evaluation>;
}

/** Evaluates a model on all images of a store. */
export async function evaluateModel(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  options: EvaluationOptions,
): Promise<Evaluation> {
  using evaluator = await createEvaluator(gpu, model, images, options);
  return await evaluator.evaluate(options);
}

/**
 * Records the evaluation of a model on all images of a store.
 *
 * @throws {DataError} where the store is empty.
 */
export async function createEvaluator(
  gpu: Gpu,
  model: Model,
  images: ImageStore,
  options: Omit<EvaluationOptions, keyof RunOptions>,
): Promise<Evaluator> {
  const { preprocessing, backdoor, logits: wantsLogits, scratch } = options;
  const { classes } = model.architecture;
  const { count } = images;
  if (count === 0) throw new DataError("cannot evaluate a model: found no image, expected one");
  const batchSize = Math.min(EVALUATION_BATCH_SIZE, count);
  const steps = Math.ceil(count / batchSize);
  const trigger = backdoor && isPixelTrigger(backdoor.trigger) ? backdoor.trigger : undefined;
  using scope = gpu.scope();
  const store = backdoor && !isPixelTrigger(backdoor.trigger)
    ? scope.own(await withTriggeredCopies(gpu, images, backdoor.trigger))
    : images;
  const shape = { batchSize, steps, trigger, preprocessing, scratch };
  const { program, source, outputs: { confusion, allLogits } } = scope.own(
    recordPass(gpu, store, shape, (tape, batch, source, scope) => {
      const counts = scope.buffer(classes * classes * 4, "confusion matrix");
      const confusion = locatedTensor([classes, classes], counts, "confusion", "u32");
      const { logits } = recordForward(tape, model, batch.x, "evaluation");
      tape.run(
        confusionKernel(batchSize, classes, count),
        [logits, batch.labels],
        [confusion, source.state],
      );
      for (const range of [model.parameters, model.statistics]) {
        const elements = range.size / 4;
        const values = locatedTensor([elements], range, "state of the model");
        tape.run(checkFiniteKernel(elements), [values], [source.state], { once: true });
      }
      if (!wantsLogits) return { confusion };
      const allLogits = tape.keep(tape.transient([count, classes], "logits of all images"));
      tape.run(collectRowsKernel(batchSize, classes, count), [logits, source.state], [allLogits]);
      return { confusion, allLogits };
    }),
  );
  const passes = backdoor ? 2 : 1;

  const pass = async (
    index: (record: number) => number,
    { signal, onProgress }: RunOptions,
  ): Promise<Confusion> => {
    gpu.write(confusion.location!, new Uint32Array(classes * classes));
    const indices = Uint32Array.from(
      { length: steps * batchSize },
      (_, i) => index(i < count ? i : 0),
    );
    startEpoch(gpu, source, { epoch: 0, seed: 0, indices });
    program.prepare();
    await runSteps(gpu, program, steps, { signal, onProgress });
    const [counts, state] = await gpu.read(confusion.location!, source.state.location!);
    expectFinite(new Uint32Array(state!)[3]!);
    return { classes, counts: new Uint32Array(counts!) };
  };

  const memory = scope.move();
  return {
    async evaluate({ signal, onProgress } = {}) {
      const start = performance.now();
      const watch = (done: number): RunOptions => ({
        signal,
        onProgress: (stepsDone) =>
          onProgress?.(
            (done * steps + stepsDone) / passes / steps * count,
            (performance.now() - start) / 1000,
          ),
      });
      const clean = await pass((record) => record, watch(0));
      const logitsValue = wantsLogits ? await program.read(allLogits!) : undefined;
      const triggeredIndex = (record: number) =>
        trigger ? (record | TRIGGERED) >>> 0 : record + count;
      const triggered = backdoor ? await pass(triggeredIndex, watch(1)) : undefined;
      return {
        ...cleanCounts(clean),
        ...backdoor && triggered
          ? {
            attack: attackCounts(clean, triggered, backdoor.target),
            triggeredConfusion: triggered,
          }
          : {},
        confusion: clean,
        ...logitsValue ? { logits: logitsValue } : {},
        seconds: (performance.now() - start) / 1000,
      };
    },
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

/** `bits` are those of {@linkcode NOT_FINITE}. */
function expectFinite(bits: number): void {
  if (bits === 0) return;
  throw new ModelError(
    (bits & NOT_FINITE.state) !== 0
      ? "cannot evaluate the model: a parameter or a running statistic is NaN or infinite, expected " +
        "finite numbers"
      : "cannot evaluate the model: a logit is NaN or infinite, expected finite numbers; its weights " +
        "are too large for these images",
  );
}

/** The N images, and behind them each once more with the trigger on. */
async function withTriggeredCopies(
  gpu: Gpu,
  images: ImageStore,
  trigger: ImageTrigger,
): Promise<ImageStore> {
  expectTriggerSize(trigger, images);
  const { count } = images;
  if (count === 0) throw new DataError("cannot evaluate a model: found no image, expected one");
  const set = await readImages(gpu, images);
  const { length } = set.pixels;
  const pixels = new Uint8Array(2 * length);
  pixels.set(set.pixels);
  const size = length / count;
  for (let i = 0; i < count; i++) {
    const image = set.pixels.subarray(i * size, (i + 1) * size);
    pixels.set(trigger.apply(image, i), length + i * size);
  }
  const labels = new Uint16Array(2 * count);
  labels.set(set.labels);
  labels.set(set.labels, count);
  return uploadImages(gpu, { ...set, pixels, labels });
}
