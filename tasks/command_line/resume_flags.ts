/** What may stand beside `--resume`. */

import type { Command } from "npm:commander@15.1.0";
import { UsageError } from "../../src/errors.ts";

/** Flags that may stand beside `--resume`; all others are settings, which a resumed run has. */
const BESIDE_RESUME: ReadonlySet<string> = new Set(["resume", "json", "quiet", "failOn"]);

/**
 * Refuses settings beside `--resume`.
 *
 * @throws {UsageError} naming the first of them.
 */
export function checkResumeFlags(command: Command): void {
  const extra = command.options.find((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === "cli" && !BESIDE_RESUME.has(name);
  });
  if (extra) {
    throw new UsageError(
      `cannot change ${extra.long} of a resumed run: it goes on with the settings that it began with`,
    );
  }
}
