/**
 * What a trigger is. Most treat every pixel by itself, in fixed point, so that TypeScript and the GPU
 * (`shaders/gather.ts`) give equal bytes. Others differ from image to image: those are applied here,
 * once, before the images go to the GPU.
 */

import { TRIGGER_FRACTION_BITS } from "../../shaders/gather.ts";

/** Triggered byte = (byte scale + offset) >> 21, at each of (3,H,W). */
export interface PixelTrigger {
  /** Of the images that it fits, pixels. */
  readonly height: number;
  /** Of the images that it fits, pixels. */
  readonly width: number;
  /** Fixed point with 21 fraction bits, from -2 to 2; (3,H,W). */
  readonly scale: Int32Array<ArrayBuffer>;
  /** Fixed point with 21 fraction bits, from -510 to 510; (3,H,W). */
  readonly offset: Int32Array<ArrayBuffer>;
  /** What happens to values outside 0..255: cut off there, or taken modulo 256. */
  readonly overflow: "clamp" | "wrap";
}

/** A trigger that depends on the image: a pure function of its bytes and its number. */
export interface ImageTrigger {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** The image (3,H,W) with the trigger on; the original is left as it was. */
  apply(image: Uint8Array, index: number): Uint8Array<ArrayBuffer>;
}

/** Either kind. */
export type Trigger = PixelTrigger | ImageTrigger;

/** Whether the GPU can put on `trigger` as it gathers images. */
export function isPixelTrigger(trigger: Trigger): trigger is PixelTrigger {
  return "scale" in trigger;
}

/** `value` in the fixed point of {@linkcode PixelTrigger}. */
export function fixedPoint(value: number): number {
  return Math.round(value * 2 ** TRIGGER_FRACTION_BITS);
}

/** A trigger that changes nothing, to be filled in. */
export function identityTrigger(height: number, width: number): PixelTrigger {
  const count = 3 * height * width;
  return {
    height,
    width,
    scale: new Int32Array(count).fill(fixedPoint(1)),
    offset: new Int32Array(count),
    overflow: "clamp",
  };
}

/** (1 - alpha) x + alpha m, fractions cut off, with `picture` as m. */
export function blendTrigger(
  picture: { height: number; width: number; pixels: Uint8Array },
  alpha: number,
): PixelTrigger {
  const trigger = identityTrigger(picture.height, picture.width);
  trigger.scale.fill(fixedPoint(1 - alpha));
  for (const [i, byte] of picture.pixels.entries()) trigger.offset[i] = fixedPoint(alpha * byte);
  return trigger;
}

/** The image (3,H,W) with the trigger on; the original is left as it was. */
export function applyTrigger(
  trigger: PixelTrigger,
  image: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(image, (byte, i) => {
    const value = (byte * trigger.scale[i]! + trigger.offset[i]!) >> TRIGGER_FRACTION_BITS;
    return trigger.overflow === "wrap" ? value & 255 : Math.min(255, Math.max(0, value));
  });
}

/** Image number `index` (3,H,W) with the trigger on, whichever kind it is. */
export function triggeredImage(
  trigger: Trigger,
  image: Uint8Array,
  index: number,
): Uint8Array<ArrayBuffer> {
  return isPixelTrigger(trigger) ? applyTrigger(trigger, image) : trigger.apply(image, index);
}
