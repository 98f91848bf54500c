/**
 * Refool, reflections as a trigger: Liu, Ma, Bailey & Lu, "Reflection Backdoor: A Natural Backdoor
 * Attack on Deep Neural Networks" (ECCV 2020), section 3.1.
 */

import { RandomPurpose, RandomStream } from "../data/random.ts";
import { resizeImage } from "../data/resize.ts";
import { loadSigns } from "../data/signs.ts";
import { UsageError } from "../errors.ts";
import { choice, number, path, whole } from "../text/kinds.ts";
import type { Attack } from "./attack.ts";
import { attackOptions, readOptions } from "./options.ts";
import { pictureOption } from "./picture_option.ts";
import { gaussianBlur, shift } from "./reflection.ts";

const KINDS = ["mixed", "in-focus", "out-of-focus", "ghost"] as const;

const SHARE = number({ least: 0, most: 1 });

const OPTIONS = attackOptions({
  kind: { kind: choice(KINDS), default: "mixed", help: "what reflects; mixed: a third each" },
  weakest: { kind: SHARE, default: 0.3, help: "least share of the reflection in a picture" },
  strongest: { kind: SHARE, default: 0.5, help: "largest share" },
  pool: {
    kind: whole({ least: 1, most: 1000 }),
    default: 8,
    help: "number of reflection images drawn",
  },
  reflections: {
    kind: path("a file or folder"),
    help: "file or folder of up to 64 pictures to reflect instead",
  },
});

/**
 * Side of the images, in pixels, at which σ and offsets below hold. The paper gives them for
 * photographs; smaller images scale them down.
 */
const FULL_SIDE = 224;

/** Of the blur of reflections that are out of focus, pixels at full size. */
const SIGMA = { low: 1, high: 5 };

/** Between the two copies of a ghost, pixels at full size: a pane reflects on both its faces. */
const OFFSET = { low: 3, high: 8 };

/** Share of the first copy of a ghost. */
const GHOST = { low: 0.15, high: 0.5 };

/**
 * (1 - s) x + s r with fractions cut off, which stays in range; s is drawn for each image, and r is
 * one of a few reflection images, (a) as it is, seen in the same depth of field, (b) out of focus, or
 * (c) doubled by a thick pane: a copy with weight a and a shifted one with weight 1 - a.
 *
 * Unless pictures are given, the reflections are drawn as the data set `signs` is, from the seed, so
 * that seed and options say all. The paper chooses the most effective of many reflections; here the
 * few that are drawn first serve in training and in measuring.
 */
export const refool: Attack = {
  name: "refool",
  description: "reflections of other images, labels kept (Liu et al. 2020)",
  options: OPTIONS,
  files: ["reflections"],
  labels: "kept",
  defaultRate: 0.2,
  trigger({ height, width, seed, options }) {
    const { kind, weakest, strongest } = readOptions("refool", OPTIONS, options);
    if (weakest > strongest) {
      throw new UsageError(
        `cannot reflect with a share from ${weakest} to ${strongest}: expected weakest <= strongest`,
      );
    }
    const pool = reflections(options, { height, width }, seed);
    const scale = Math.min(height, width) / FULL_SIDE;
    return {
      height,
      width,
      apply(image, index) {
        const random = new RandomStream(seed, RandomPurpose.trigger, index);
        const share = random.between(weakest, strongest);
        const plain = pool[random.below(pool.length)]!;
        const drawn = KINDS[1 + random.below(KINDS.length - 1)]!;
        const reflection = reflect(plain, kind === "mixed" ? drawn : kind, random, scale);
        return Uint8Array.from(image, (byte, i) => (1 - share) * byte + share * reflection[i]!);
      },
    };

    function reflect(
      plain: Float64Array<ArrayBuffer>,
      kind: typeof KINDS[number],
      random: RandomStream,
      scale: number,
    ): Float64Array<ArrayBuffer> {
      const size = { height, width };
      if (kind === "out-of-focus") {
        return gaussianBlur(plain, size, scale * random.between(SIGMA.low, SIGMA.high));
      }
      if (kind !== "ghost") return plain;
      const rows = scale * random.between(OFFSET.low, OFFSET.high);
      const columns = scale * random.between(OFFSET.low, OFFSET.high);
      const weight = random.between(GHOST.low, GHOST.high);
      const copy = shift(plain, size, rows, columns);
      return plain.map((value, i) => weight * value + (1 - weight) * copy[i]!);
    }
  },
};

/** The images to reflect, each (3,H,W), 0..255. */
function reflections(
  options: Readonly<Record<string, string>>,
  { height, width }: { height: number; width: number },
  seed: number,
): Float64Array<ArrayBuffer>[] {
  const strip = pictureOption(options, "reflections", { height, width }, "column");
  const { pool: count } = readOptions("refool", OPTIONS, options);
  if (!strip) {
    const { train } = loadSigns({ parts: ["train"], trainCount: count, seed: seed + 1 });
    const size = train.pixels.length / count;
    return Array.from({ length: count }, (_, i) => {
      const image = train.pixels.subarray(i * size, (i + 1) * size);
      return Float64Array.from(resizeImage(image, train.height, train.width, height, width));
    });
  }
  const area = height * width;
  return Array.from(
    { length: strip.height / height },
    (_, picture) =>
      Float64Array.from({ length: 3 * area }, (_, i) => {
        const channel = Math.floor(i / area);
        return strip.pixels[channel * strip.height * width + picture * area + i % area]!;
      }),
  );
}
