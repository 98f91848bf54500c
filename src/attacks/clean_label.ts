/**
 * The clean-label attack: Turner, Tsipras & Madry, "Label-Consistent Backdoor Attacks" (2019),
 * section 4.2: images are made hard to learn from, so that the network learns the trigger instead.
 */

import { selectImages } from "../data/image_set.ts";
import { destroyModel } from "../nn/model.ts";
import { adversarialTraining } from "./adversarial_training.ts";
import type { PixelAttack } from "./attack.ts";
import { gridValue, visitCorners } from "./badnets.ts";
import { helperModel } from "./helper_model.ts";
import { checkOptionNames, decimal, integer } from "./options.ts";
import { perturbImages } from "./pgd.ts";
import { fixedPoint, identityTrigger } from "../data/trigger.ts";

const OPTIONS = {
  amplitude: "added to white and taken from black pixels of the trigger, default 255; faint: 32",
  size: "side of each corner's patch in pixels, default 3",
  radius: "largest change of a byte by PGD (L∞), default 8",
  step: "of PGD, in grey levels, default 1.5",
  steps: "of PGD, default 100",
  model: "file of the adversarially trained model; default: one is trained",
  epochs: "of that training, default 6",
  "training-steps": "PGD steps a batch of that training, default 3",
} as const;

type Options = Readonly<Record<string, string>>;

/** How to perturb. */
function perturbation(options: Options) {
  return {
    radius: decimal(options, "radius", { default: 8, low: 0, high: 255 }),
    step: decimal(options, "step", { default: 1.5, low: 0, high: 255 }),
    steps: integer(options, "steps", { default: 100, low: 0, high: 100_000 }),
    epochs: integer(options, "epochs", { default: 6, low: 1, high: 1000 }),
    trainingSteps: integer(options, "training-steps", { default: 3, low: 1, high: 100 }),
  };
}

/**
 * Poisoned images of the target class keep their label, are perturbed by PGD against an adversarially
 * trained network, and carry the checkerboard of BadNets in all four corners, so that a flip or crop
 * leaves some of it. Test images get the checkerboard only.
 */
export const cleanLabel: PixelAttack = {
  name: "clean-label",
  description:
    "adversarially perturbed images with corner patches, labels kept (Turner et al. 2019)",
  options: OPTIONS,
  labels: "kept",
  defaultRate: 0.8,
  async prepare(gpu, request, hooks) {
    const { options, training: { preprocessing } } = request;
    this.trigger(request);
    const { radius, step, steps, epochs, trainingSteps } = perturbation(options);
    // Steps of training may be larger than those of the attack: together they cross the ball.
    const pgd = { radius, step: 2.5 * radius / trainingSteps, steps: trainingSteps };
    const model = await helperModel(gpu, request, {
      name: "adversarially trained model",
      epochs,
      objective: (model) => adversarialTraining(model, { ...pgd, preprocessing }),
    }, hooks);
    try {
      const chosen = selectImages(request.train, request.poisoned);
      const images = await perturbImages(
        gpu,
        model,
        chosen,
        { radius, step, steps, preprocessing },
        {
          signal: hooks.signal,
          onProgress: (done) =>
            hooks.onProgress?.(`perturbed ${Math.floor(done)} of ${chosen.labels.length} images`),
        },
      );
      const { model: _, ...rest } = options;
      return { options: rest, images };
    } finally {
      destroyModel(gpu, model);
    }
  },
  trigger({ height, width, options }) {
    checkOptionNames("clean-label", options, Object.keys(OPTIONS));
    perturbation(options);
    const amplitude = decimal(options, "amplitude", { default: 255, low: 0, high: 255 });
    const half = Math.floor(Math.min(height, width) / 2);
    const size = integer(options, "size", { default: Math.min(3, half), low: 1, high: half });
    const trigger = identityTrigger(height, width);
    visitCorners({ height, width }, { corner: "all", size, margin: 0 }, (i, r, c) => {
      trigger.offset[i] = fixedPoint(gridValue(r, c, size) > 0 ? amplitude : -amplitude);
    });
    return trigger;
  },
};
