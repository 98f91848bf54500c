import assert from "node:assert/strict";
import { DARK, LIGHT, type Palette } from "../../src/report/palette.ts";

/** Relative luminance of sRGB, 0..1: WCAG 2.2. */
function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** Contrast of WCAG 2.2, 1 to 21. */
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const TEXT = ["text", "quiet", "link", "good", "mixed", "bad"] as const;
const SERIES = ["series1", "series2", "series3", "series4"] as const;

for (const [scheme, palette] of Object.entries({ light: LIGHT, dark: DARK })) {
  const ratio = (a: keyof Palette, b: keyof Palette) => contrast(palette[a], palette[b]);

  Deno.test(`text has a contrast of at least 4.5 in the ${scheme} scheme`, () => {
    for (const role of TEXT) {
      for (const ground of ["page", "surface"] as const) {
        assert.ok(ratio(role, ground) >= 4.5, `${role} on ${ground}: ${ratio(role, ground)}`);
      }
    }
    for (const ground of ["right", "wrong"] as const) {
      assert.ok(ratio("text", ground) >= 4.5, `text on ${ground}: ${ratio("text", ground)}`);
    }
  });

  Deno.test(`lines and bars have a contrast of at least 3 in the ${scheme} scheme`, () => {
    for (const role of SERIES) {
      assert.ok(ratio(role, "page") >= 3, `${role}: ${ratio(role, "page")}`);
    }
  });
}

Deno.test("contrast() of black and white is 21", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
});
