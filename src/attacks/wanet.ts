/** WaNet: Nguyen & Tran, "WaNet - Imperceptible Warping-based Backdoor Attack" (ICLR 2021). */

import { RandomPurpose, RandomStream } from "../data/random.ts";
import type { ImageTrigger } from "../data/trigger.ts";
import { number, whole } from "../text/kinds.ts";
import type { Attack, TriggerRequest } from "./attack.ts";
import { attackOptions, readOptions } from "./options.ts";

const OPTIONS = attackOptions({
  grid: {
    kind: whole({ least: 2, most: 64 }),
    default: 4,
    help: "control points of the warping field along each side, k",
  },
  strength: {
    kind: number({ least: 0, most: 16 }),
    default: 0.5,
    help: "mean shift of the control points, s, in units of two pixels of the normalised grid",
  },
  noise: {
    kind: number({ least: 0, most: 9 }),
    default: 2,
    help: "images with a disturbed warp that keep their label, for each poisoned one",
  },
});

/**
 * A smooth warp of the whole image, one for the run. Noise mode: for each poisoned image two others
 * are warped with a random shift of up to a pixel's share added everywhere, and keep their label, so
 * that the network learns this warp and no other. The published code draws those shifts anew for each
 * batch; here they are drawn once for each image, as a poisoned data set would hold them.
 */
export const wanet: Attack = {
  name: "wanet",
  description: "a smooth warp, with noise mode (Nguyen & Tran 2021)",
  options: OPTIONS,
  labels: "changed",
  defaultRate: 0.1,
  trigger(request) {
    const { height, width } = request;
    const field = warpingField(request);
    return { height, width, apply: (image) => warped(image, height, width, field) };
  },
  covers: (options) => ({
    perPoisoned: readOptions("wanet", OPTIONS, options).noise,
    trigger: disturbedWarp,
  }),
};

/** The warp with a shift of its own at every pixel. */
function disturbedWarp(request: TriggerRequest): ImageTrigger {
  const { height, width, seed } = request;
  const field = warpingField(request);
  return {
    height,
    width,
    apply(image, index) {
      // Stream 0 draws the field.
      const random = new RandomStream(seed, RandomPurpose.trigger, index + 1);
      const shifted = field.map((position) => limited(position + random.between(-1, 1) / height));
      return warped(image, height, width, shifted);
    },
  };
}

/** A position from -1 to 1. */
const limited = (position: number) => Math.min(1, Math.max(-1, position));

/**
 * Where each pixel comes from, (H,W,2), x before y, from -1 (the centre of the first pixel) to 1:
 * the identity and the control points' shifts, enlarged as PyTorch's `interpolate(mode="bicubic",
 * align_corners=True)` does, whatever the size of the image divided by its height.
 */
function warpingField({ height, width, seed, options }: TriggerRequest): Float64Array {
  const { grid, strength } = readOptions("wanet", OPTIONS, options);
  const random = new RandomStream(seed, RandomPurpose.trigger);
  const points = Float64Array.from({ length: 2 * grid * grid }, () => random.between(-1, 1));
  const mean = points.reduce((sum, point) => sum + Math.abs(point), 0) / points.length;
  const field = new Float64Array(2 * height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const axis of [0, 1]) {
        const shifts = points.subarray(axis * grid * grid, (axis + 1) * grid * grid);
        const shift = bicubic(shifts, grid, along(y, height, grid), along(x, width, grid)) / mean;
        const identity = axis === 0 ? along(x, width, 3) - 1 : along(y, height, 3) - 1;
        field[2 * (y * width + x) + axis] = limited(identity + strength * shift / height);
      }
    }
  }
  return field;
}

/** Position `i` of `from` points as one of `to` points: first on first, last on last. */
const along = (i: number, from: number, to: number) => from === 1 ? 0 : i * (to - 1) / (from - 1);

/** The value of (n,n) at a position, by Keys' cubic convolution with a = -0.75; edges go on. */
function bicubic(values: Float64Array, n: number, y: number, x: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  let sum = 0;
  for (let dy = -1; dy <= 2; dy++) {
    for (let dx = -1; dx <= 2; dx++) {
      const row = Math.min(n - 1, Math.max(0, top + dy));
      const column = Math.min(n - 1, Math.max(0, left + dx));
      sum += cubic(y - top - dy) * cubic(x - left - dx) * values[row * n + column]!;
    }
  }
  return sum;
}

function cubic(distance: number): number {
  const a = -0.75;
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/** The image (3,H,W) with every pixel taken from where the field says, by bilinear weights. */
function warped(
  image: Uint8Array,
  height: number,
  width: number,
  field: Float64Array,
): Uint8Array<ArrayBuffer> {
  const plane = height * width;
  const result = new Uint8Array(image.length);
  for (let i = 0; i < plane; i++) {
    const x = (field[2 * i]! + 1) / 2 * (width - 1);
    const y = (field[2 * i + 1]! + 1) / 2 * (height - 1);
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)];
    const [u, v] = [x - left, y - top];
    for (let at = 0; at < image.length; at += plane) {
      const pixel = (row: number, column: number) => image[at + row * width + column]!;
      result[at + i] = Math.round(
        (1 - v) * ((1 - u) * pixel(top, left) + u * pixel(top, right)) +
          v * ((1 - u) * pixel(bottom, left) + u * pixel(bottom, right)),
      );
    }
  }
  return result;
}
