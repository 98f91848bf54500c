import assert from "node:assert/strict";
import {
  count,
  counted,
  duration,
  percent,
  points,
  significant,
} from "../../src/report/number_text.ts";

Deno.test("numbers are written with their units, which do not break off", () => {
  assert.equal(percent(0.848), "84.80\u00a0%");
  assert.equal(points(0.0225), "2.25\u00a0points");
  assert.equal(count(10000), "10,000");
  assert.deepEqual([1, 0, 2].map((n) => counted(n, "image")), ["1 image", "0 images", "2 images"]);
});

Deno.test("significant() keeps three digits", () => {
  for (
    const [value, text] of [
      [0, "0"],
      [1, "1"],
      [2.1436, "2.14"],
      [0.001, "0.001"],
      [3.5752827e-5, "3.58e-5"],
      [1e-4, "1e-4"],
      [123456, "1.23e5"],
      [-0.5, "-0.5"],
      [2000, "2000"],
    ] as const
  ) assert.equal(significant(value), text);
});

Deno.test("duration() leaves out what does not matter", () => {
  const text = (seconds: number) => duration(seconds).replaceAll("\u00a0", " ");
  assert.deepEqual([12.4, 60, 185, 7440].map(text), [
    "12 s",
    "1 min 0 s",
    "3 min 5 s",
    "2 h 4 min",
  ]);
});
