/** Counts what a data set leaves out, by reason, and says it in one line. */

import { quoted } from "../text/quoted.ts";

/** Most endings of names that a line lists. */
const MAXIMUM_REASONS = 8;

/** Things left out: how many for each reason, and the first of them. */
export class PassedOver {
  readonly #reasons = new Map<string, { count: number; readonly first: string }>();

  /** Counts `name`; `reason` says in the plural what it is, such as "devices or pipes". */
  add(reason: string, name: string): void {
    const found = this.#reasons.get(reason);
    if (found === undefined) this.#reasons.set(reason, { count: 1, first: name });
    else found.count++;
  }

  /** Counts what another one has counted. */
  merge(other: PassedOver): void {
    for (const [reason, { count, first }] of other.#reasons) {
      const found = this.#reasons.get(reason);
      if (found === undefined) this.#reasons.set(reason, { count, first });
      else found.count += count;
    }
  }

  /** How many there are. */
  get count(): number {
    return this.#reasons.values().reduce((sum, { count }) => sum + count, 0);
  }

  /** Such as `12 files that are no pictures by their names (first "cat/Thumbs.db")`; "" for none. */
  text(): string {
    const parts = [...this.#reasons].map(([reason, { count, first }]) =>
      `${count} ${reason} (first ${quoted(first)})`
    );
    const shown = parts.slice(0, MAXIMUM_REASONS).join(", ");
    const rest = parts.length - MAXIMUM_REASONS;
    return rest > 0 ? `${shown} and ${rest} more kinds` : shown;
  }
}
