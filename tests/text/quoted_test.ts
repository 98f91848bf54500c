import assert from "node:assert/strict";
import { quoted, shown } from "../../src/text/quoted.ts";

Deno.test("quoted() escapes what a terminal would obey, hide or turn around", () => {
  assert.equal(quoted("conv1.weight"), '"conv1.weight"');
  assert.equal(quoted('a"b\\c'), '"a\\"b\\\\c"');
  assert.equal(quoted("\x1b[2J\x07\r\n"), '"\\u001b[2J\\u0007\\r\\n"');
  assert.equal(quoted("\x7f\x9b31m"), '"\\u007f\\u009b31m"');
  assert.equal(quoted("a\u202eb\u200bc\u2028d\ufeff"), '"a\\u202eb\\u200bc\\u2028d\\ufeff"');
  assert.equal(quoted("\ud800"), '"\\ud800"');
  assert.equal(quoted("\u{e0041}"), '"\\udb40\\udc41"', "tags are invisible");
  assert.equal(quoted("Straße 犬 🐕"), '"Straße 犬 🐕"');
});

Deno.test("quoted() repeats 200 characters and counts the rest", () => {
  assert.equal(quoted("x".repeat(200)), `"${"x".repeat(200)}"`);
  assert.equal(quoted("x".repeat(20_000_000)), `"${"x".repeat(200)}" and 19999800 more characters`);
});

Deno.test("shown() leaves short and harmless text as it is", () => {
  assert.equal(shown("models/my model.pth"), "models/my model.pth");
  assert.equal(shown(""), '""');
  assert.equal(shown("a\x1b[0m"), '"a\\u001b[0m"');
  assert.equal(shown("x".repeat(201)), `"${"x".repeat(200)}" and 1 more characters`);
});
