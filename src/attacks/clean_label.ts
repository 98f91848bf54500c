/**
 * The clean-label attack: Turner, Tsipras & Madry, "Label-Consistent Backdoor Attacks" (2019),
 * section 4.2: images are made hard to learn from, so that the network learns the trigger instead.
 */

import { selectImages } from "../data/image_set.ts";
import { number, path, whole } from "../text/kinds.ts";
import { adversarialTraining } from "./adversarial_training.ts";
import type { PixelAttack } from "./attack.ts";
import { gridValue, visitCorners } from "./badnets.ts";
import { helperModel } from "./helper_model.ts";
import { attackOptions, readAtMost, readOptions } from "./options.ts";
import { perturbImages } from "./pgd.ts";
import { fixedPoint, identityTrigger } from "../data/trigger.ts";

const BYTE = number({ least: 0, most: 255 });

const OPTIONS = attackOptions({
  amplitude: {
    kind: BYTE,
    default: 255,
    help: "added to white and taken from black pixels of the trigger; 32 is faint",
  },
  size: { kind: whole({ least: 1 }), default: 3, help: "side of each corner's patch in pixels" },
  radius: { kind: BYTE, default: 8, help: "largest change of a byte by PGD (L∞)" },
  step: { kind: BYTE, default: 1.5, help: "step of PGD, in grey levels" },
  steps: { kind: whole({ least: 0, most: 100_000 }), default: 100, help: "steps of PGD" },
  model: {
    kind: path("a file"),
    help: "file of the adversarially trained model",
    otherwise: "one is trained",
  },
  epochs: { kind: whole({ least: 1, most: 1000 }), default: 6, help: "epochs of that training" },
  "training-steps": {
    kind: whole({ least: 1, most: 100 }),
    default: 3,
    help: "PGD steps a batch of that training",
  },
});

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
    const values = readOptions("clean-label", OPTIONS, options);
    const { radius, step, steps, epochs, "training-steps": trainingSteps } = values;
    // Steps of training may be larger than those of the attack: together they cross the ball.
    const pgd = { radius, step: 2.5 * radius / trainingSteps, steps: trainingSteps };
    using model = await helperModel(gpu, request, {
      name: "adversarially trained model",
      epochs,
      objective: (model) => adversarialTraining(model, { ...pgd, preprocessing }),
    }, hooks);
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
  },
  trigger({ height, width, options }) {
    const { amplitude } = readOptions("clean-label", OPTIONS, options);
    const half = Math.floor(Math.min(height, width) / 2);
    const size = readAtMost("size", OPTIONS.size, options, half);
    const trigger = identityTrigger(height, width);
    visitCorners({ height, width }, { corner: "all", size, margin: 0 }, (i, r, c) => {
      trigger.offset[i] = fixedPoint(gridValue(r, c, size) > 0 ? amplitude : -amplitude);
    });
    return trigger;
  },
};
