/**
 * The time of dispatches, from many repetitions in one compute pass: by the GPU's own clock where it
 * has one that counts nanoseconds, else by the program's, as the difference of two counts, so that
 * what a fence costs is no part of it.
 */

import type { Dispatch, Gpu } from "../gpu/gpu.ts";

/** Milliseconds of a pass that runs through the dispatches `repetitions` times, fence included. */
type Clock = (dispatches: readonly Dispatch[], repetitions: number) => Promise<number>;

/** Times dispatches on one device. */
export interface DispatchTimer {
  /** True where the GPU's clock is used. */
  readonly timestamps: boolean;
  /** Milliseconds of one run through the dispatches, one value for each pass; warm-up excluded. */
  time(dispatches: readonly Dispatch[], passes: number): Promise<number[]>;
  /** The same from one pass, of dispatches that take about `estimate` milliseconds. */
  once(dispatches: readonly Dispatch[], estimate: number): Promise<number>;
  /** Frees its GPU memory. */
  destroy(): void;
}

/** Milliseconds of a timed pass: long beside the ticks of a clock, short beside a driver's patience. */
const PASS_MILLISECONDS = 50;

/** Most dispatches of a pass, so that encoding them takes no time to speak of. */
const MAX_DISPATCHES = 10_000;

/** Most by which the repetitions of a pass grow before it is timed anew. */
const GROWTH = 8;

/** How far the GPU's clock may be from the program's: a fence, and other programs in between. */
const CLOCK_TOLERANCE = 0.3;

/**
 * Makes a timer.
 *
 * @param sample Some work by which the GPU's clock is checked: drivers are meant to count nanoseconds,
 * and not all do.
 */
export async function createDispatchTimer(gpu: Gpu, sample: Dispatch): Promise<DispatchTimer> {
  const gpuClock = gpu.adapter.features.includes("timestamp-query")
    ? createTimestampClock(gpu)
    : undefined;
  const outside = wallClock(gpu);
  let timestamps = false;
  if (gpuClock) {
    const { repetitions } = await longEnough(outside, [sample]);
    const start = performance.now();
    const found = await gpuClock.clock([sample], repetitions);
    timestamps = Math.abs(found / (performance.now() - start) - 1) < CLOCK_TOLERANCE;
  }
  const clock = timestamps ? gpuClock!.clock : outside;
  const perRun = async (
    dispatches: readonly Dispatch[],
    { repetitions, milliseconds }: { repetitions: number; milliseconds?: number },
  ) => {
    const once = milliseconds ?? await clock(dispatches, repetitions);
    if (timestamps) return once / repetitions;
    return Math.max(0, await clock(dispatches, 2 * repetitions) - once) / repetitions;
  };
  return {
    timestamps,
    async once(dispatches, estimate) {
      const wanted = Math.ceil(PASS_MILLISECONDS / Math.max(estimate, 1e-6));
      return await perRun(dispatches, { repetitions: Math.min(wanted, mostOf(dispatches)) });
    },
    async time(dispatches, passes) {
      const first = await longEnough(clock, dispatches);
      const times = [await perRun(dispatches, first)];
      const { repetitions } = first;
      while (times.length < passes) times.push(await perRun(dispatches, { repetitions }));
      return times;
    },
    destroy: () => gpuClock?.destroy(),
  };
}

const mostOf = (dispatches: readonly Dispatch[]) =>
  Math.max(1, Math.floor(MAX_DISPATCHES / dispatches.length));

/** Repetitions of which a pass takes {@linkcode PASS_MILLISECONDS}, and what it took, warm. */
async function longEnough(
  clock: Clock,
  dispatches: readonly Dispatch[],
): Promise<{ repetitions: number; milliseconds: number }> {
  await clock(dispatches, 1);
  const most = mostOf(dispatches);
  for (let repetitions = 1;;) {
    const milliseconds = await clock(dispatches, repetitions);
    if (milliseconds >= PASS_MILLISECONDS || repetitions === most) {
      return { repetitions, milliseconds };
    }
    const wanted = Math.ceil(repetitions * PASS_MILLISECONDS / Math.max(milliseconds, 1e-3));
    const next = Math.max(2 * repetitions, Math.min(wanted, GROWTH * repetitions));
    repetitions = Math.min(most, next);
  }
}

/** From an idle GPU to an idle GPU. */
function wallClock(gpu: Gpu): Clock {
  return async (dispatches, repetitions) => {
    const start = performance.now();
    gpu.submit(dispatches, repetitions);
    await gpu.finish();
    return performance.now() - start;
  };
}

/** With the GPU's clock at the start and the end of the pass. */
function createTimestampClock(gpu: Gpu): { clock: Clock; destroy(): void } {
  const querySet = gpu.device.createQuerySet({ type: "timestamp", count: 2 });
  const resolved = gpu.device.createBuffer({
    size: 16,
    usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.STORAGE,
  });
  const clock: Clock = async (dispatches, repetitions) => {
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    });
    for (let run = 0; run < repetitions; run++) {
      for (const { pipeline, bindGroup, workgroups } of dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
      }
    }
    pass.end();
    encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
    gpu.device.queue.submit([encoder.finish()]);
    const [bytes] = await gpu.read({ buffer: resolved, offset: 0, size: 16 });
    const [begin = 0n, end = 0n] = new BigUint64Array(bytes!);
    return Number(end - begin) / 1e6;
  };
  return {
    clock,
    destroy() {
      querySet.destroy();
      resolved.destroy();
    },
  };
}
