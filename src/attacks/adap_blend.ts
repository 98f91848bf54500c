/**
 * Adaptive blending: Qi, Xie, Li, Mahloujifar & Mittal, "Revisiting the Assumption of Latent
 * Separability for Backdoor Defenses" (ICLR 2023).
 */

import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { applyTrigger, blendTrigger, type ImageTrigger } from "../data/trigger.ts";
import { number, path, whole } from "../text/kinds.ts";
import type { Attack, TriggerRequest } from "./attack.ts";
import { blendedPicture } from "./blend.ts";
import { attackOptions, readOptions } from "./options.ts";

const OPTIONS = attackOptions({
  alpha: {
    kind: number({ least: 0, most: 1 }),
    default: 0.2,
    help: "share of the trigger image m where the attack is used",
  },
  weak: {
    kind: number({ least: 0, most: 1 }),
    default: 0.15,
    help: "share of m in training images",
  },
  pieces: {
    kind: whole({ least: 1, most: 16 }),
    default: 4,
    help: "pieces of m along each side, of which each training image shows half",
  },
  covers: {
    kind: number({ least: 0, most: 9 }),
    default: 1,
    help: "images with such a trigger that keep their label, for each poisoned one",
  },
  image: {
    kind: path("a file"),
    help: "file of m: a picture, resized, or a NumPy array of the images' size",
    otherwise: "random noise",
  },
});

/**
 * A picture blended in, of which a training image shows only a random half of the pieces, and more
 * weakly than an image of which the attacker wants the target class. As many covers show such a half
 * and keep their label, so that the halves alone do not give the target away.
 */
export const adapBlend: Attack = {
  name: "adap-blend",
  description: "half of a blended picture, with covers (Qi et al. 2023)",
  options: OPTIONS,
  files: ["image"],
  labels: "changed",
  defaultRate: 0.003,
  trigger(request) {
    const { alpha } = readOptions("adap-blend", OPTIONS, request.options);
    return blendTrigger(blendedPicture(request), alpha);
  },
  trainingTrigger: halfTrigger,
  covers: (options) => ({
    perPoisoned: readOptions("adap-blend", OPTIONS, options).covers,
    trigger: halfTrigger,
  }),
};

/** The weaker picture in half of the pieces, drawn for each image. */
function halfTrigger(request: TriggerRequest): ImageTrigger {
  const { height, width, seed, options } = request;
  const { weak, pieces } = readOptions("adap-blend", OPTIONS, options);
  const whole = blendTrigger(blendedPicture(request), weak);
  return {
    height,
    width,
    apply(image, index) {
      // Stream 0 draws the picture.
      const random = new RandomStream(seed, RandomPurpose.trigger, index + 1);
      const shownPieces = new Set(
        shuffle(pieces ** 2, random).slice(0, Math.ceil(pieces ** 2 / 2)),
      );
      const blended = applyTrigger(whole, image);
      return blended.map((value, i) => {
        const [y, x] = [Math.floor(i / width) % height, i % width];
        const piece = Math.floor(y * pieces / height) * pieces + Math.floor(x * pieces / width);
        return shownPieces.has(piece) ? value : image[i]!;
      });
    },
  };
}
