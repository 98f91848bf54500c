import assert from "node:assert/strict";
import { assertRefused, runTask } from "../tasks/command.ts";

Deno.test("bench --help lists the flags and gives examples", async () => {
  const { code, stdout, stderr } = await runTask("bench", ["--help"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Usage: deno task bench \[options\]/);
  for (const name of ["batch-sizes", "filter", "peers", "seconds", "all", "json"]) {
    assert.match(stdout, new RegExp(`--${name}\\b`));
  }
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ["--arch resnet_18", /"resnet_18": expected wrn-DEPTH-WIDTH/],
  ["--batch-sizes 16,0", /'16,0' is invalid.*whole numbers of at least 1/],
  ["--seconds 0", /'0' is invalid.*above 0/],
  ["--peers nowhere", /cannot run nowhere\/run\.sh: expected a script there/],
];

for (const [flags, message] of WRONG) {
  Deno.test(`bench ${flags} is refused as wrong usage`, async () => {
    assertRefused(await runTask("bench", flags.split(" ")), 2, message);
  });
}
