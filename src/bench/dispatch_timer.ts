/**
 * The time of one dispatch, from many repetitions in one compute pass: by the GPU's own clock where
 * it has one that counts nanoseconds, else by the program's.
 */

import type { Dispatch, Gpu } from "../gpu/gpu.ts";

/** Milliseconds of each of several passes; pass i runs the dispatch `repetitions[i]` times. */
type Clock = (dispatch: Dispatch, repetitions: readonly number[]) => Promise<number[]>;

/** Times dispatches on one device. */
export interface DispatchTimer {
  /** True where the GPU's clock is used. */
  readonly timestamps: boolean;
  /** Milliseconds of one run of the dispatch, one value for each pass; warm-up excluded. */
  time(dispatch: Dispatch): Promise<number[]>;
  /** The same from one pass, of a dispatch that takes about `estimate` milliseconds. */
  once(dispatch: Dispatch, estimate: number): Promise<number>;
  destroy(): void;
}

/** Passes that are timed, after one run to warm up and one pass to learn the speed. */
const PASSES = 5;

/** Milliseconds of a timed pass: long beside the ticks of a GPU's clock, or beside a fence. */
const PASS_MILLISECONDS = { timestamps: 25, wallClock: 150 };

/** Most repetitions of a pass, so that encoding them takes no time to speak of. */
const MAX_REPETITIONS = 500;

/** How far the GPU's clock may be from the program's: a fence, and other programs in between. */
const CLOCK_TOLERANCE = 0.3;

/**
 * Makes a timer.
 *
 * @param sample Some work of about a tenth of a second, by which the GPU's clock is checked: drivers
 * are meant to count nanoseconds, and not all do.
 */
export async function createDispatchTimer(gpu: Gpu, sample: Dispatch): Promise<DispatchTimer> {
  const gpuClock = gpu.adapter.features.includes("timestamp-query")
    ? createTimestampClock(gpu)
    : undefined;
  let timestamps = false;
  if (gpuClock) {
    await gpuClock.clock(sample, [1]);
    const start = performance.now();
    const [found = 0] = await gpuClock.clock(sample, [2]);
    timestamps = Math.abs(found / (performance.now() - start) - 1) < CLOCK_TOLERANCE;
  }
  const clock = timestamps ? gpuClock!.clock : wallClock(gpu);
  const target = PASS_MILLISECONDS[timestamps ? "timestamps" : "wallClock"];
  const repetitions = (milliseconds: number) =>
    Math.ceil(target / Math.max(milliseconds, target / MAX_REPETITIONS));
  return {
    timestamps,
    async once(dispatch, estimate) {
      const wanted = repetitions(estimate);
      const [milliseconds = 0] = await clock(dispatch, [wanted]);
      return milliseconds / wanted;
    },
    async time(dispatch) {
      const [, estimate = 0] = await clock(dispatch, [1, 2]);
      const wanted = repetitions(estimate / 2);
      const passes = await clock(dispatch, new Array<number>(PASSES).fill(wanted));
      return passes.map((milliseconds) => milliseconds / wanted);
    },
    destroy: () => gpuClock?.destroy(),
  };
}

/** Waits for every pass; a fence's 10 ms are part of what it finds. */
function wallClock(gpu: Gpu): Clock {
  return async (dispatch, repetitions) => {
    const times: number[] = [];
    for (const count of repetitions) {
      const start = performance.now();
      gpu.submit([dispatch], count);
      await gpu.finish();
      times.push(performance.now() - start);
    }
    return times;
  };
}

/** All passes in one submission, with the GPU's clock at the start and the end of each. */
function createTimestampClock(gpu: Gpu): { clock: Clock; destroy(): void } {
  const count = 2 * PASSES;
  const querySet = gpu.device.createQuerySet({ type: "timestamp", count });
  const resolved = gpu.device.createBuffer({
    size: 8 * count,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.STORAGE,
  });
  const clock: Clock = async ({ pipeline, bindGroup, workgroups }, repetitions) => {
    const encoder = gpu.device.createCommandEncoder();
    for (const [i, count] of repetitions.entries()) {
      const pass = encoder.beginComputePass({
        timestampWrites: {
          querySet,
          beginningOfPassWriteIndex: 2 * i,
          endOfPassWriteIndex: 2 * i + 1,
        },
      });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      for (let run = 0; run < count; run++) pass.dispatchWorkgroups(...workgroups);
      pass.end();
    }
    encoder.resolveQuerySet(querySet, 0, 2 * repetitions.length, resolved, 0);
    gpu.device.queue.submit([encoder.finish()]);
    const [bytes] = await gpu.read({
      buffer: resolved,
      offset: 0,
      size: 16 * repetitions.length,
    });
    const ticks = new BigUint64Array(bytes!);
    return repetitions.map((_, i) => Number(ticks[2 * i + 1]! - ticks[2 * i]!) / 1e6);
  };
  return {
    clock,
    destroy() {
      querySet.destroy();
      resolved.destroy();
    },
  };
}
