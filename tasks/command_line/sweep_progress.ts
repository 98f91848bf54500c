/** What a sweep says while it runs, and how long it expects to. */

import type { CellResult } from "../../src/sweep/cell_folder.ts";
import { counted } from "../../src/report/number_text.ts";
import {
  ASSUMED_IMAGES_PER_SECOND,
  secondsLeft,
  type Timing,
} from "../../src/sweep/expected_time.ts";
import type { ReadyCell } from "../../src/sweep/ready_cells.ts";
import type { CellEvent } from "../../src/sweep/run_cells.ts";
import type { Output } from "./output.ts";
import type { Share } from "../../src/train/confusion.ts";
import { duration, percent } from "./results.ts";

/** Watches the cells of a sweep. */
export interface SweepProgress {
  /** Says what happened to a cell. */
  event(cell: ReadyCell, event: CellEvent): void;
  /** Draws the state of all, where there is a terminal. */
  draw(): void;
}

/** What is expected before a sweep begins, for people. */
export function expectationText(
  cells: readonly ReadyCell[],
  timings: readonly Timing[],
  workers: number,
): string {
  const done = new Set(timings.map(({ cell }) => cell.id));
  const left = cells.filter(({ id }) => !done.has(id)).map((cell) => ({ cell, running: 0 }));
  const all = counted(cells.length, "cell");
  const count = cells.length - left.length;
  const finished = count === 0 ? "" : `, ${count} of them finished`;
  if (left.length === 0) return `${all}, all finished`;
  const basis = timings.length > 0
    ? "at the speed of the finished ones"
    : `at ${ASSUMED_IMAGES_PER_SECOND} training images/s in all, the speed of a software driver`;
  return `${all}${finished}; expected time for ${left.length}, ${workers} at a time: ` +
    `${duration(secondsLeft(left, timings, workers))} ${basis}`;
}

/** Begins to watch; `finished` are the cells that had a result before. */
export function watchSweep(
  output: Output,
  cells: readonly ReadyCell[],
  finished: readonly Timing[],
  workers: number,
): SweepProgress {
  const timings = [...finished];
  const begun = new Map<string, number>();
  const left = new Map(cells.map((cell) => [cell.id, cell]));
  for (const { cell } of finished) left.delete(cell.id);
  const elsewhere = new Set<string>();
  const timeLeft = () => {
    const now = performance.now();
    const running = ({ id }: ReadyCell) => (now - (begun.get(id) ?? now)) / 1000;
    return duration(
      secondsLeft(
        [...left.values()].map((cell) => ({ cell, running: running(cell) })),
        timings,
        workers,
      ),
    );
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
        timings.push({ cell, seconds: event.result.run.seconds });
        const rest = left.size === 0 ? "" : `; about ${timeLeft()} left`;
        output.line(`${done} ${id}: ${resultText(event.result)}${rest}`);
      }
    },
    draw() {
      const done = cells.length - left.size;
      output.progress(
        `${done} of ${cells.length} cells done, ${begun.size} running, about ${timeLeft()} left`,
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
