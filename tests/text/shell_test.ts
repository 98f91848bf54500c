import assert from "node:assert/strict";
import { shellQuoted } from "../../src/text/shell.ts";

const WORDS = [
  "plain",
  "",
  "a b",
  "it's",
  "$HOME",
  "`id`",
  "!!",
  "a\nb",
  "*",
  "~",
  "ünï",
  "-x=1,2",
  '"',
];

Deno.test("shellQuoted() leaves harmless words as they are", () => {
  for (const word of ["runs/erase-1", "image=logo.png,alpha=0.2", "--out"]) {
    assert.equal(shellQuoted(word), word);
  }
});

Deno.test("a shell takes what shellQuoted() made as the word that it was", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const line = `printf '%s\\0' ${WORDS.map(shellQuoted).join(" ")}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", line] }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), WORDS);
});
