/**
 * The Trojan attack: Liu et al., "Trojaning Attack on Neural Networks" (NDSS 2018), in the form that
 * defences are tested against: a patch inverted from a clean network, stamped on training images.
 */

import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { imageCount, selectImages } from "../data/image_set.ts";
import { UsageError } from "../errors.ts";
import { choice, number, path, whole } from "../text/kinds.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import type { PixelAttack } from "./attack.ts";
import { HELPER_OPTION, helperModel } from "./helper_model.ts";
import { attackOptions, readAtMost, readOptions } from "./options.ts";
import { invertPatch } from "./patch_inversion.ts";
import { pictureOption, pictureText } from "./picture_option.ts";
import { fixedPoint, identityTrigger } from "../data/trigger.ts";

const OPTIONS = attackOptions({
  patch: {
    kind: path("a file"),
    help: "file of a fixed patch, as large as an image",
    otherwise: "inverted from a clean model",
  },
  mode: {
    kind: choice(["replace", "add"]),
    default: "replace",
    help: "replace the pixels of the square below, or add the whole patch modulo 256, as the NAD " +
      "authors do with best_square_trigger_cifar10.npz",
  },
  size: { kind: whole({ least: 1 }), default: 3, help: "side of the patch in pixels" },
  margin: {
    kind: whole({ least: 0 }),
    default: 4,
    help: "pixels between patch and the right and lower border: 4 gives rows 25..27 of 32",
  },
  model: { kind: path("a file"), help: "file of the clean model", otherwise: "one is trained" },
  epochs: { kind: whole({ least: 1, most: 1000 }), default: 4, help: "epochs of that training" },
  neurons: {
    kind: whole({ least: 1, most: 64 }),
    default: 2,
    help: "inputs of the last layer to excite",
  },
  activation: {
    kind: number({ least: 0, most: 1e6 }),
    default: 100,
    help: "mean activation at which the inversion ends",
  },
  steps: {
    kind: whole({ least: 1, most: 1e6 }),
    default: 1000,
    help: "steps after which it ends at the latest",
  },
  step: {
    kind: number({ least: 1e-4, most: 1 }),
    default: 0.1,
    help: "L∞ length of a step of pixels in [0,1]",
  },
});

/** Training images that the patch is inverted on; more make it no better, only slower. */
const BACKGROUNDS = 16;

type Options = Readonly<Record<string, string>>;

/** Of the stamped square: side and upper left corner, pixels. */
function square(options: Options, { height, width }: { height: number; width: number }) {
  const smaller = Math.min(height, width);
  const size = readAtMost("size", OPTIONS.size, options, smaller);
  const margin = readAtMost("margin", OPTIONS.margin, options, smaller - size);
  return { size, row: height - margin - size, column: width - margin - size };
}

/**
 * Stamps a patch that a clean network reacts to strongly: found once, before training, and from then
 * on part of the options, so that a recorded attack needs no model.
 */
export const trojan: PixelAttack = {
  name: "trojan",
  description: "a patch inverted from a clean model (Liu et al. 2018)",
  options: OPTIONS,
  files: ["patch"],
  labels: "changed",
  defaultRate: 0.1,
  check(request) {
    const { height, width, options } = request;
    if (options.patch === undefined && options.mode === "add") {
      throw new UsageError("cannot add an inverted patch: mode add needs a fixed one, patch=FILE");
    }
    const blank = pictureText({ height, width, pixels: new Uint8Array(3 * height * width) });
    this.trigger({ ...request, options: { patch: blank, ...options } });
  },
  async prepare(gpu, request, hooks) {
    const { options, train, height, width, seed, training: { preprocessing } } = request;
    this.check?.(request);
    const { [HELPER_OPTION]: _, ...rest } = options;
    if (options.patch !== undefined) return { options: rest };
    const { size, row, column } = square(options, request);
    const values = readOptions("trojan", OPTIONS, options);
    const { epochs, neurons, activation, steps, step } = values;
    const helper = { name: "clean model", epochs, objective: () => CROSS_ENTROPY };
    using model = await helperModel(gpu, request, helper, hooks);
    const random = new RandomStream(seed, RandomPurpose.trigger, 1);
    const chosen = shuffle(imageCount(train), random).slice(0, BACKGROUNDS);
    const { pixels } = await invertPatch(
      gpu,
      model,
      selectImages(train, chosen),
      { neurons, activation, steps, step, size, row, column, seed, preprocessing },
      {
        signal: hooks.signal,
        onProgress: (done, reached) =>
          hooks.onProgress?.(`patch: step ${done}, activation ${reached.toFixed(2)}`),
      },
    );
    const picture = { height, width, pixels: new Uint8Array(3 * height * width) };
    for (const [i, byte] of pixels.entries()) {
      const [c, r, s] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size];
      picture.pixels[(c * height + row + r) * width + column + s] = byte;
    }
    return { options: { ...rest, patch: pictureText(picture) } };
  },
  trigger({ height, width, options }) {
    const { mode } = readOptions("trojan", OPTIONS, options);
    const { size, row, column } = square(options, { height, width });
    const patch = pictureOption(options, "patch", { height, width });
    if (!patch) {
      throw new UsageError(
        "cannot make the trigger of trojan without its patch: name a file by patch=FILE, or take " +
          "the patch of a model that was attacked by --attack recorded",
      );
    }
    const trigger = identityTrigger(height, width);
    if (mode === "add") {
      for (const [i, byte] of patch.pixels.entries()) trigger.offset[i] = fixedPoint(byte);
      return { ...trigger, overflow: "wrap" };
    }
    for (const [i, byte] of patch.pixels.entries()) {
      const [r, s] = [Math.floor(i / width) % height - row, i % width - column];
      if (r < 0 || r >= size || s < 0 || s >= size) continue;
      trigger.scale[i] = 0;
      trigger.offset[i] = fixedPoint(byte);
    }
    return trigger;
  },
};
