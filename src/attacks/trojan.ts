/**
 * The Trojan attack: Liu et al., "Trojaning Attack on Neural Networks" (NDSS 2018), in the form that
 * defences are tested against: a patch inverted from a clean network, stamped on training images.
 */

import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { imageCount, selectImages } from "../data/image_set.ts";
import { UsageError } from "../errors.ts";
import { destroyModel } from "../nn/model.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import type { PixelAttack } from "./attack.ts";
import { HELPER_OPTION, helperModel } from "./helper_model.ts";
import { checkOptionNames, choice, decimal, integer } from "./options.ts";
import { invertPatch } from "./patch_inversion.ts";
import { pictureOption, pictureText } from "./picture_option.ts";
import { fixedPoint, identityTrigger } from "../data/trigger.ts";

const MODES = ["replace", "add"] as const;

const OPTIONS = {
  patch: "file of a fixed patch, as large as an image; default: inverted from a clean model",
  mode: "replace (default) the pixels of the square below, or add the whole patch modulo 256, as " +
    "the NAD authors do with best_square_trigger_cifar10.npz",
  size: "side of the patch in pixels, default 3",
  margin: "pixels between patch and the right and lower border, default 4: rows 25..27 of 32",
  model: "file of the clean model; default: one is trained",
  epochs: "of that training, default 4",
  neurons: "inputs of the last layer to excite, default 2",
  activation: "mean activation at which the inversion ends, default 100",
  steps: "at which it ends at the latest, default 1000",
  step: "L∞ length of a step of pixels in [0,1], default 0.1",
} as const;

/** Training images that the patch is inverted on; more make it no better, only slower. */
const BACKGROUNDS = 16;

type Options = Readonly<Record<string, string>>;

/** Of the stamped square: side and upper left corner, pixels. */
function square(options: Options, { height, width }: { height: number; width: number }) {
  const smaller = Math.min(height, width);
  const size = integer(options, "size", { default: 3, low: 1, high: smaller });
  const room = smaller - size;
  const margin = integer(options, "margin", { default: Math.min(4, room), low: 0, high: room });
  return { size, row: height - margin - size, column: width - margin - size };
}

/** How to invert. */
function inversion(options: Options) {
  return {
    epochs: integer(options, "epochs", { default: 4, low: 1, high: 1000 }),
    neurons: integer(options, "neurons", { default: 2, low: 1, high: 64 }),
    activation: decimal(options, "activation", { default: 100, low: 0, high: 1e6 }),
    steps: integer(options, "steps", { default: 1000, low: 1, high: 1e6 }),
    step: decimal(options, "step", { default: 0.1, low: 1e-4, high: 1 }),
  };
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
    if (options.patch === undefined && choice(options, "mode", MODES) === "add") {
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
    const { epochs, ...settings } = inversion(options);
    const helper = { name: "clean model", epochs, objective: () => CROSS_ENTROPY };
    const model = await helperModel(gpu, request, helper, hooks);
    try {
      const random = new RandomStream(seed, RandomPurpose.trigger, 1);
      const chosen = shuffle(imageCount(train), random).slice(0, BACKGROUNDS);
      const { pixels } = await invertPatch(
        gpu,
        model,
        selectImages(train, chosen),
        { ...settings, size, row, column, seed, preprocessing },
        {
          signal: hooks.signal,
          onProgress: (step, activation) =>
            hooks.onProgress?.(`patch: step ${step}, activation ${activation.toFixed(2)}`),
        },
      );
      const picture = { height, width, pixels: new Uint8Array(3 * height * width) };
      for (const [i, byte] of pixels.entries()) {
        const [c, r, s] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size];
        picture.pixels[(c * height + row + r) * width + column + s] = byte;
      }
      return { options: { ...rest, patch: pictureText(picture) } };
    } finally {
      destroyModel(gpu, model);
    }
  },
  trigger({ height, width, options }) {
    checkOptionNames("trojan", options, Object.keys(OPTIONS));
    inversion(options);
    const mode = choice(options, "mode", MODES);
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
