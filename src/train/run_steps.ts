/** Running many steps of a program with few fences, while the progress can be seen and stopped. */

import { Interrupted } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Program } from "../tensor/program.ts";

/** Seconds of GPU work in one submission: a fence costs 10 ms, a person wants to see progress. */
const SECONDS_PER_SUBMISSION = 1.5;

/** Steps of a program's first submissions, before its speed is known. */
const FIRST_STEPS = 2;

/** Most steps of one submission, whatever the speed. */
const MAX_STEPS = 4096;

/** Submissions in flight: the next is encoded while the GPU works on the one before. */
const IN_FLIGHT = 2;

/** Seconds a step of programs that have run: the next epoch need not find out again. */
const secondsAStep = new WeakMap<Program, number>();

/** Steps of the next submission. */
function submissionSize(program: Program): number {
  const seconds = secondsAStep.get(program);
  if (seconds === undefined) return FIRST_STEPS;
  return Math.max(1, Math.min(MAX_STEPS, Math.round(SECONDS_PER_SUBMISSION / seconds)));
}

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
  const pending: { steps: number; done: Promise<void> }[] = [];
  let submitted = 0;
  let done = 0;
  while (done < steps) {
    while (pending.length < IN_FLIGHT && submitted < steps && !options.signal?.aborted) {
      const count = Math.min(submissionSize(program), steps - submitted);
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
    const seconds = (performance.now() - start) / 1000;
    // Over all steps so far: two fences may be seen as late as one.
    secondsAStep.set(program, seconds / done);
    await options.onProgress?.(done, seconds);
  }
  if (options.signal?.aborted && done < steps) throw new Interrupted("stopped");
}
