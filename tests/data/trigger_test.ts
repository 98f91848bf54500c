import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  applyTrigger,
  fixedPoint,
  identityTrigger,
  type PixelTrigger,
} from "../../src/data/trigger.ts";

const SEED = 20_250_617;

/** A trigger for images of one pixel, the same in its three channels. */
function pixelTrigger(
  scale: number,
  offset: number,
  overflow: PixelTrigger["overflow"],
): PixelTrigger {
  return {
    height: 1,
    width: 1,
    scale: new Int32Array(3).fill(fixedPoint(scale)),
    offset: new Int32Array(3).fill(fixedPoint(offset)),
    overflow,
  };
}

/** `byte` with the trigger on. */
const apply = (trigger: PixelTrigger, byte: number) =>
  applyTrigger(trigger, new Uint8Array(3).fill(byte))[1];

Deno.test("identityTrigger() changes no byte", () => {
  const image = Uint8Array.from({ length: 3 * 16 * 16 }, (_, i) => i % 256);
  const copy = image.slice();
  assert.deepEqual(applyTrigger(identityTrigger(16, 16), image), image);
  assert.deepEqual(image, copy);
});

Deno.test("applyTrigger() replaces, shifts, cuts off and wraps", () => {
  assert.equal(apply(pixelTrigger(0, 255, "clamp"), 17), 255);
  assert.equal(apply(pixelTrigger(1, 100, "clamp"), 200), 255);
  assert.equal(apply(pixelTrigger(1, 100, "wrap"), 200), 44);
  assert.equal(apply(pixelTrigger(1, -100, "clamp"), 20), 0);
  assert.equal(apply(pixelTrigger(1, -100, "wrap"), 20), 176);
  assert.equal(apply(pixelTrigger(-1, 255, "clamp"), 55), 200);
});

Deno.test("applyTrigger() rounds towards minus infinity as blended bytes are truncated", () => {
  assert.equal(apply(pixelTrigger(0.5, 0, "clamp"), 255), 127);
  assert.equal(apply(pixelTrigger(0.8, 0.2 * 128, "clamp"), 100), 105);
});

Deno.test("applyTrigger() equals exact arithmetic over the whole range that it documents", () => {
  // -2 to 2 and -510 to 510: the largest sum, 1020 in fixed point, must not leave 32 bits.
  const scale = fc.double({ min: -2, max: 2, noNaN: true });
  const offset = fc.double({ min: -510, max: 510, noNaN: true });
  const overflow = fc.constantFrom("clamp" as const, "wrap" as const);
  fc.assert(
    fc.property(scale, offset, fc.nat(255), overflow, (scale, offset, byte, overflow) => {
      const trigger = pixelTrigger(scale, offset, overflow);
      const exact = (BigInt(byte) * BigInt(trigger.scale[0]!) + BigInt(trigger.offset[0]!)) >> 21n;
      const expected = overflow === "wrap"
        ? Number(BigInt.asUintN(8, exact))
        : Math.min(255, Math.max(0, Number(exact)));
      assert.equal(apply(trigger, byte), expected);
    }),
    {
      seed: SEED,
      numRuns: 500,
      examples: [
        [2, 510, 255, "clamp"],
        [-2, -510, 255, "clamp"],
        [2, 510, 255, "wrap"],
        [-2, -510, 255, "wrap"],
      ],
    },
  );
});
