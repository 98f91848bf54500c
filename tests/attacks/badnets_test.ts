import assert from "node:assert/strict";
import { badnets } from "../../src/attacks/badnets.ts";
import { applyTrigger } from "../../src/data/trigger.ts";
import { UsageError } from "../../src/errors.ts";
import { gridTrigger } from "../golden/grid_trigger.ts";

/** Where the patch covers a grey 6x7 image, and with what; `.` is untouched. */
function picture(options: Record<string, string>, channel = 0): string {
  const trigger = badnets.trigger({ height: 6, width: 7, seed: 0, options });
  const stamped = applyTrigger(trigger, new Uint8Array(3 * 42).fill(100));
  const signs = new Map([[100, "."], [255, "#"], [0, "o"]]);
  return Array.from(
    { length: 6 },
    (_, row) =>
      Array.from(
        stamped.subarray((channel * 6 + row) * 7, (channel * 6 + row + 1) * 7),
        (byte) => signs.get(byte) ?? "?",
      ).join(""),
  ).join("\n");
}

const lines = (...rows: string[]) => rows.join("\n");

Deno.test("badnets stamps by default the grid of the authors' loader, in all channels", () => {
  const request = { height: 32, width: 32, seed: 0, options: {} };
  assert.deepEqual(badnets.trigger(request), gridTrigger());
  const expected = lines(".......", ".......", ".......", "....oo#", "....o#o", "....#o#");
  for (const channel of [0, 1, 2]) assert.equal(picture({}, channel), expected);
});

Deno.test("badnets stamps a white square, in any corner, of any size, away from the border", () => {
  assert.equal(
    picture({ pattern: "white", corner: "top-left", size: "2" }),
    lines("##.....", "##.....", ".......", ".......", ".......", "......."),
  );
  assert.equal(
    picture({ corner: "top-right", margin: "1" }),
    lines(".......", "...#o#.", "...o#o.", "...oo#.", ".......", "......."),
  );
  assert.equal(
    picture({ pattern: "white", corner: "all", size: "1" }),
    lines("#.....#", ".......", ".......", ".......", ".......", "#.....#"),
  );
});

Deno.test("badnets refuses options that it does not know or that do not fit", () => {
  const refused = (options: Record<string, string>, message: string) =>
    assert.throws(() => picture(options), new UsageError(message));
  refused(
    { colour: "red" },
    'cannot set option "colour" of attack badnets: expected pattern, corner, size, margin',
  );
  refused(
    { pattern: "stripes" },
    'cannot set attack option pattern to "stripes": expected grid, white',
  );
  refused(
    { size: "7" },
    'cannot set attack option size to "7": expected a whole number from 1 to 6',
  );
  refused(
    { margin: "4" },
    'cannot set attack option margin to "4": expected a whole number from 0 to 3',
  );
  refused({ size: "" }, 'cannot set attack option size to "": expected a whole number from 1 to 6');
});
