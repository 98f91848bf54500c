/**
 * Images through a network, and something read of it: the record, run, free of everything that looks
 * at what a network makes of images.
 */

import type { Corruption } from "../../shaders/corruption.ts";
import { type Augmentation, NO_AUGMENTATION, type Preprocessing } from "../../shaders/gather.ts";
import { advanceKernel } from "../../shaders/metrics.ts";
import type { PixelTrigger } from "../data/trigger.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Scope } from "../gpu/scope.ts";
import type { Scratch } from "../gpu/scratch.ts";
import { type Recorded, recordProgram } from "../tensor/program.ts";
import type { Tape } from "../tensor/tape.ts";
import { type Batch, type BatchSource, createBatchSource, gatherBatch } from "./batches.ts";
import type { ImageStore } from "./image_store.ts";

/** How images are made into batches. */
export interface PassOptions {
  /** Images a step. */
  readonly batchSize: number;
  /** Steps until the source is at its end. */
  readonly steps: number;
  /** What the marked images carry. */
  readonly trigger?: PixelTrigger | undefined;
  /** Random changes of the images; default none. */
  readonly augmentation?: Augmentation | undefined;
  /** Random disturbances after those; default none. */
  readonly corruption?: Corruption | undefined;
  /** From bytes to the network's input. */
  readonly preprocessing: Preprocessing;
  /** Memory for intermediate values, where programs share it. */
  readonly scratch?: Scratch | undefined;
}

/** A recorded step; disposing of it frees all that it took. */
export interface Pass<T> extends Recorded<T> {
  /** Which images make up each step; `startEpoch` sets them. */
  readonly source: BatchSource;
}

/**
 * Records a step on a batch of `images`.
 *
 * @param record Records what is done with the batch and returns what is read of it. Buffers that it
 * makes in the scope live as long as the pass. The step counter is its business
 * ({@linkcode recordPass} advances it).
 */
export function recordStep<T>(
  gpu: Gpu,
  images: ImageStore,
  options: PassOptions,
  record: (tape: Tape, batch: Batch, source: BatchSource, scope: Scope) => T,
): Pass<T> {
  const { augmentation = NO_AUGMENTATION, corruption, preprocessing, scratch } = options;
  const recorded = recordProgram(gpu, (tape, scope) => {
    const source = scope.own(createBatchSource(gpu, images, options));
    const batch = gatherBatch(tape, images, source, augmentation, preprocessing, corruption);
    return { source, outputs: record(tape, batch, source, scope) };
  }, scratch);
  const { program, outputs: { source, outputs } } = recorded;
  return { program, source, outputs, [Symbol.dispose]: () => recorded[Symbol.dispose]() };
}

/** Records a step like {@linkcode recordStep}, after which the next run takes the next batch. */
export function recordPass<T>(
  gpu: Gpu,
  images: ImageStore,
  options: PassOptions,
  record: (tape: Tape, batch: Batch, source: BatchSource, scope: Scope) => T,
): Pass<T> {
  return recordStep(gpu, images, options, (tape, batch, source, scope) => {
    const outputs = record(tape, batch, source, scope);
    tape.run(advanceKernel(), [], [source.state]);
    return outputs;
  });
}
