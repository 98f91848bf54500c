/** Printed commands are those that the user can type. */

import assert from "node:assert/strict";
import { runTask } from "./command.ts";

for (
  const [typed, printed] of [
    ["", "deno task report"],
    ["./run", "./run report"],
    ["../my lethe/run", "'../my lethe/run' report"],
  ] as const
) {
  Deno.test(`a command that was typed as "${typed}" calls itself ${printed}`, async () => {
    const { stdout } = await runTask("report", ["--help"], { env: { LETHE_COMMAND: typed } });
    assert.ok(stdout.startsWith(`Usage: ${printed} [options] <run-folder>\n`), stdout);
    assert.ok(stdout.includes(`Examples:\n  ${printed} runs/erase-1\n`), stdout);
  });
}
