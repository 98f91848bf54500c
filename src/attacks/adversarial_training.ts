/**
 * Adversarial training: half of the loss on the images of a batch, half on the same images after a
 * few steps of projected gradient ascent. Goodfellow et al., "Explaining and Harnessing Adversarial
 * Examples" (ICLR 2015), section 6, with the steps of Madry et al. (ICLR 2018). All on the GPU.
 */

import { ascentKernel } from "../../shaders/adversarial.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { type Model, tensorLookup } from "../nn/model.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import { nchw } from "../tensor/tensor.ts";
import type { Objective } from "../train/trainer.ts";
import type { PgdSettings } from "./pgd.ts";

/** Weights of the two losses. */
const WEIGHTS = { clean: 0.5, adversarial: 0.5 };

const WHITE = 255;

/** Trains `model` to withstand the perturbations of `settings`. */
export function adversarialTraining(
  model: Model,
  settings: PgdSettings & { readonly preprocessing: Preprocessing },
): Objective {
  const lookup = tensorLookup(model);
  const { forward, entries } = model.architecture;
  const statistics = new Set(
    entries.filter(({ kind }) => kind === "statistic").map(({ name }) => name),
  );
  const { preprocessing, steps } = settings;
  const sizes = { step: settings.step / WHITE, radius: settings.radius / WHITE };
  return {
    columns: ["ce", "adversarial"],
    record(tape, batch, student) {
      const { n, h, w } = nchw(batch.x);
      const geometry = { batch: n, height: h, width: w };
      // Running statistics that are forgotten: half-way images must not count.
      const forgetting = (name: string) =>
        statistics.has(name)
          ? tape.transient(lookup(name).shape, `forgotten ${name}`)
          : lookup(name);
      let x = batch.x;
      for (let step = 0; step < steps; step++) {
        const { logits } = forward(tape, forgetting, x, "training");
        const loss = crossEntropy(tape, logits, batch.labels);
        const [gradient] = tape.gradients([{ loss, weight: 1 }], [x]);
        const moved = tape.transient(x.shape, "adversarial images");
        tape.run(
          ascentKernel(geometry, preprocessing, sizes, "copied"),
          [x, gradient!, batch.x],
          [moved],
        );
        x = moved;
      }
      const adversarial = forward(tape, lookup, x, "training");
      return [
        { loss: crossEntropy(tape, student.logits, batch.labels), weight: WEIGHTS.clean },
        { loss: crossEntropy(tape, adversarial.logits, batch.labels), weight: WEIGHTS.adversarial },
      ];
    },
  };
}
