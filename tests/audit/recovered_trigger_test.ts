import assert from "node:assert/strict";
import { applyTrigger } from "../../src/data/trigger.ts";
import { recoveredTrigger } from "../../src/audit/recovered_trigger.ts";
import { uniformValues, wholeValues } from "../reference/values.ts";

Deno.test("recoveredTrigger() mixes image and pattern by the mask, rounded to bytes", () => {
  const size = { height: 5, width: 7 };
  const mask = uniformValues(35, 0, 1, 1);
  mask[0] = 0;
  mask[1] = 1;
  const pattern = uniformValues(105, 0, 1, 2);
  const image = Uint8Array.from(wholeValues(105, 256, 3));
  const found = applyTrigger(recoveredTrigger({ mask, pattern }, size), image);
  for (const [i, byte] of found.entries()) {
    const m = mask[i % 35]!;
    const exact = (1 - m) * image[i]! + m * 255 * pattern[i]!;
    assert.ok(Math.abs(byte - exact) < 0.501, `${byte}, expected ${exact}`);
  }
  assert.equal(found[0], image[0]);
});
