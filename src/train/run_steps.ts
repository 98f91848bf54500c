/** Running many steps of a program with few fences, while the progress can be seen and stopped. */

import { Interrupted } from "../errors.ts";
import { type Gpu, MAX_DISPATCHES } from "../gpu/gpu.ts";
import type { Program } from "../tensor/program.ts";

/** Steps of a software driver's first submissions, before the program's speed is known. */
const FIRST_STEPS = 2;

/** Most steps of one submission, whatever the speed. */
const MAX_STEPS = 4096;

/** Submissions in flight: the next is encoded while the GPU works on those before. */
const IN_FLIGHT = { software: 2, hardware: 3 };

/** Steps of the next submission, and how many submissions may be in flight. */
function submission(gpu: Gpu, program: Program): { size: number; inFlight: number } {
  const { software } = gpu.adapter;
  const seconds = program.secondsPerRun;
  const inFlight = software ? IN_FLIGHT.software : IN_FLIGHT.hardware;
  // A GPU's first step runs alone, and in small pieces (see `Program.run`).
  if (seconds === undefined) return software ? { size: FIRST_STEPS, inFlight } : ALONE;
  const fitting = Math.round(gpu.submissionSeconds / seconds);
  const most = Math.min(MAX_STEPS, Math.floor(MAX_DISPATCHES / program.dispatches.length));
  return { size: Math.max(1, Math.min(most, fitting)), inFlight };
}

const ALONE = { size: 1, inFlight: 1 };

/** How to watch and stop a run. */
export interface RunOptions {
  /** Stops the run within about two submissions. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each fence with the number of steps done and the seconds since the start. */
  readonly onProgress?: ((stepsDone: number, seconds: number) => void | Promise<void>) | undefined;
}

/**
 * Runs `program` `steps` times.
 *
 * @param fence Waits for what was submitted so far; may read something back while it does.
 * @throws {Interrupted} when the signal is aborted.
 * @throws {DeviceError} when the GPU fails.
 */
export async function runSteps(
  gpu: Gpu,
  program: Program,
  steps: number,
  options: RunOptions = {},
  fence: () => Promise<void> = () => gpu.finish(),
): Promise<void> {
  const start = performance.now();
  // The average is taken from here: a first submission may have compiled kernels on the way.
  let from = { time: start, steps: 0 };
  const pending: { steps: number; done: Promise<void> }[] = [];
  let submitted = 0;
  let done = 0;
  while (done < steps) {
    while (submitted < steps && !options.signal?.aborted) {
      const { size, inFlight } = submission(gpu, program);
      if (pending.length >= inFlight) break;
      const count = Math.min(size, steps - submitted);
      program.run(count);
      submitted += count;
      const fenced = fence();
      // Awaited below; until then a rejection must not count as unhandled.
      fenced.catch(() => {});
      pending.push({ steps: count, done: fenced });
    }
    const first = pending.shift();
    if (!first) break;
    await first.done;
    done += first.steps;
    const now = performance.now();
    // Over many steps: two fences may be seen as late as one.
    const known = program.secondsPerRun !== undefined;
    program.secondsPerRun = (now - from.time) / 1000 / (done - from.steps);
    if (!known) from = { time: now, steps: done };
    await options.onProgress?.(done, (now - start) / 1000);
  }
  if (options.signal?.aborted && done < steps) throw new Interrupted("stopped");
}
