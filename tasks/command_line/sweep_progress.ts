/** What a sweep says while it runs, and how long it expects to. */

import type { CellResult } from "../../src/sweep/cell_folder.ts";
import { counted } from "../../src/report/number_text.ts";
import { ExpectedTimes, type Timing } from "../../src/sweep/expected_time.ts";
import type { ReadyCell } from "../../src/sweep/ready_cells.ts";
import type { CellEvent } from "../../src/sweep/run_cells.ts";
import type { Output } from "./output.ts";
import type { Share } from "../../src/train/confusion.ts";
import { duration, percent } from "../../src/jobs/results.ts";

/** Watches the cells of a sweep. */
export interface SweepProgress {
  /** Says what happened to a cell. */
  event(cell: ReadyCell, event: CellEvent): void;
  /** Draws the state of all, where there is a terminal. */
  draw(): void;
}

/** What a sweep has before it, and what it has done. */
export interface SweepState {
  readonly cells: readonly ReadyCell[];
  /** Names of cells that have finished. */
  readonly done: ReadonlySet<string>;
  /** Of those that have finished here. */
  readonly timings: readonly Timing[];
}

/** What is expected before a sweep begins, for people. */
export function expectationText({ cells, done, timings }: SweepState, workers: number): string {
  const left = cells.filter(({ id }) => !done.has(id)).map((cell) => ({ cell, running: 0 }));
  const all = counted(cells.length, "cell");
  const count = cells.length - left.length;
  const finished = count === 0 ? "" : `, ${count} of them finished`;
  if (left.length === 0) return `${all}, all finished`;
  const seconds = new ExpectedTimes(timings).left(left, workers);
  return `${all}${finished}; expected time for ${left.length}, ${workers} at a time: ` +
    (seconds === undefined
      ? "known when the first has finished"
      : `${duration(seconds)} at the speed of the finished ones`);
}

/** Begins to watch a sweep. */
export function watchSweep(output: Output, sweep: SweepState, workers: number): SweepProgress {
  const { cells, done, timings } = sweep;
  const times = new ExpectedTimes(timings);
  const begun = new Map<string, number>();
  const left = new Map(
    cells.filter(({ id }) => !done.has(id)).map((cell) => [cell.id, cell]),
  );
  const elsewhere = new Set<string>();
  const timeLeft = () => {
    const now = performance.now();
    const running = ({ id }: ReadyCell) => (now - (begun.get(id) ?? now)) / 1000;
    const open = [...left.values()].map((cell) => ({ cell, running: running(cell) }));
    const seconds = times.left(open, workers);
    return seconds === undefined ? "" : `, about ${duration(seconds)} left`;
  };
  return {
    event(cell, event) {
      const { id } = cell;
      if (event.kind === "started") {
        begun.set(id, performance.now());
        const attempt = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
        output.line(`${id}: ${event.resumed ? "goes on" : "begins"}${attempt}`);
      } else if (event.kind === "failed") {
        begun.delete(id);
        output.line(`${id}: failed: ${event.message}`);
      } else if (event.kind === "elsewhere") {
        if (!elsewhere.has(id)) output.line(`${id}: runs in another sweep`);
        elsewhere.add(id);
      } else {
        // Cells that had finished before are no news.
        if (!left.delete(id)) return;
        begun.delete(id);
        const done = `[${cells.length - left.size}/${cells.length}]`;
        if (event.state === "failed") {
          output.line(`${done} ${id}: given up: ${event.message}`);
          return;
        }
        times.add({ cell, seconds: event.result.run.seconds });
        const rest = left.size === 0 ? "" : timeLeft();
        output.line(`${done} ${id}: ${resultText(event.result)}${rest}`);
      }
    },
    draw() {
      const done = cells.length - left.size;
      output.progress(
        `${done} of ${cells.length} cells done, ${begun.size} running${timeLeft()}`,
      );
    },
  };
}

function resultText({ before, after, run }: CellResult): string {
  const change = (a: Share, b: Share) => `${percent(a)} -> ${percent(b)}`;
  const success = before.attack && after.attack
    ? `, attack success ${change(before.attack.successRate, after.attack.successRate)}`
    : "";
  return `accuracy ${change(before.accuracy, after.accuracy)}${success}, ${duration(run.seconds)}`;
}
