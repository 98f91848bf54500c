/** Naming runs, and taking them up again. */

import { createHash } from "node:crypto";
import type { Command } from "npm:commander@15.1.0";
import { FormatError, UsageError } from "../../src/errors.ts";
import { MAXIMUM_CHECKPOINT_BYTES } from "../../src/formats/checkpoint.ts";
import { readRegularFile } from "../../src/formats/read_file.ts";

/** Flags that may stand beside `--resume`; all others are settings, which a resumed run has. */
const BESIDE_RESUME: ReadonlySet<string> = new Set(["resume", "json", "quiet"]);

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

/** The first of `runs/NAME-1`, `runs/NAME-2`, ... that does not exist. */
export async function newRunPath(name: string): Promise<string> {
  for (let i = 1;; i++) {
    const path = `runs/${name}-${i}`;
    try {
      await Deno.lstat(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return path;
      throw error;
    }
  }
}

/**
 * SHA-256 of a file, hexadecimal.
 *
 * @throws {FormatError} where it cannot be read.
 */
export async function fileDigest(path: string): Promise<string> {
  const bytes = await readRegularFile(path, {
    what: "checkpoint",
    limit: MAXIMUM_CHECKPOINT_BYTES,
  });
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Makes sure that a file is still the one that a run began with.
 *
 * @throws {FormatError} where it has changed or gone.
 */
export async function expectDigest(path: string, digest: string): Promise<void> {
  const found = await fileDigest(path);
  if (found !== digest) {
    throw new FormatError(
      `cannot resume: ${path} has changed since the run began (SHA-256 ${found.slice(0, 12)}, ` +
        `expected ${digest.slice(0, 12)})`,
    );
  }
}
