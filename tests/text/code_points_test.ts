import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { byCodePoint } from "../../src/text/code_points.ts";

const SEED = 20261130;

Deno.test("byCodePoint() sorts as Python does, also above U+FFFF", () => {
  // What Python's sorted() makes of these names.
  const sorted = [
    "",
    "A",
    "Z",
    "a",
    "aa",
    "b",
    "\u00e9",
    "\ue000",
    "\uff5e",
    "\u{1f600}",
    "\u{20000}",
  ];
  assert.deepEqual(sorted.toReversed().sort(byCodePoint), sorted);
  assert.notDeepEqual(sorted.toSorted(), sorted);
});

Deno.test("byCodePoint() agrees with the order of the code points of any text", () => {
  const characters = ["a", "b", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"];
  const texts = fc.array(fc.constantFrom(...characters)).map((parts) => parts.join(""));
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const [x, y] = [a, b].map((text) => Array.from(text, (unit) => unit.codePointAt(0)!));
      const at = x!.findIndex((point, i) => point !== y![i]);
      const expected = at < 0 ? x!.length - y!.length : x![at]! - (y![at] ?? -1);
      assert.equal(Math.sign(byCodePoint(a, b)), Math.sign(expected));
    }),
    { seed: SEED },
  );
});
