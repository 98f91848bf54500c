/** How long cells will take: as long as finished ones of their model and defence took. */

import type { Cell } from "./plan_rows.ts";

/** A cell that has finished here, and how long its run took. */
export interface Timing {
  /** Which. */
  readonly cell: Pick<Cell, "id" | "settings">;
  /** Wall time. */
  readonly seconds: number;
}

/** The mean of the finished cells that are most like a cell. */
export class ExpectedTimes {
  readonly #sums = new Map<string, { seconds: number; cells: number }>();

  /** Expects what `timings` show. */
  constructor(timings: Iterable<Timing> = []) {
    for (const timing of timings) this.add(timing);
  }

  /** Counts another cell. */
  add({ cell, seconds }: Timing): void {
    for (const key of kinds(cell)) {
      const sum = this.#sums.get(key) ?? { seconds: 0, cells: 0 };
      this.#sums.set(key, { seconds: sum.seconds + seconds, cells: sum.cells + 1 });
    }
  }

  /**
   * Seconds that a cell will take: the mean over finished cells of its model and defence, else of its
   * defence, else of all; undefined before one has finished.
   */
  of(cell: Timing["cell"]): number | undefined {
    const sum = kinds(cell).map((key) => this.#sums.get(key)).find((found) => found !== undefined);
    return sum && sum.seconds / sum.cells;
  }

  /**
   * Seconds until all of `left` are done by `workers` at a time; undefined before a cell has finished.
   *
   * @param left Cells with the seconds that each has been running; 0 for those not begun.
   */
  left(
    left: readonly { readonly cell: Timing["cell"]; readonly running: number }[],
    workers: number,
  ): number | undefined {
    let [total, longest] = [0, 0];
    for (const { cell, running } of left) {
      const expected = this.of(cell);
      if (expected === undefined) return undefined;
      const seconds = Math.max(0, expected - running);
      [total, longest] = [total + seconds, Math.max(longest, seconds)];
    }
    return Math.max(total / workers, longest);
  }
}

/** What a cell is like, from the most exact on. */
function kinds({ settings: { model, defense } }: Timing["cell"]): string[] {
  return [JSON.stringify([model, defense]), JSON.stringify([defense]), "all"];
}
