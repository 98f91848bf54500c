/** What an audit differentiates beside the network: a stamped trigger, its mask, logit margins. */

import type { Preprocessing } from "../../shaders/gather.ts";
import { marginGradientKernel, marginKernel } from "../../shaders/margin.ts";
import {
  LATENT_PLANES,
  maskPenaltyGradientKernel,
  maskPenaltyKernel,
  stampGradientKernel,
  stampKernel,
} from "../../shaders/trigger_mask.ts";
import type { Tape } from "../tensor/tape.ts";
import { expectShape, nchw, size, type Tensor } from "../tensor/tensor.ts";

/**
 * x (N,3,H,W) as the network sees it, latent (4,H,W) -> x with the trigger on. Its gradient goes to
 * the latent trigger only.
 */
export function stamp(
  tape: Tape,
  x: Tensor,
  latent: Tensor,
  preprocessing: Preprocessing,
): Tensor {
  const { n: batch, h: height, w: width } = nchw(x);
  expectShape(latent, [LATENT_PLANES, height, width], "stamp a trigger");
  const geometry = { batch, height, width };
  const y = tape.transient(x.shape, `${x.label} with a trigger`);
  tape.run(stampKernel(geometry, preprocessing), [x, latent], [y]);
  return tape.differentiable([latent], y, (dy) => {
    const dlatent = tape.transient(latent.shape, "d latent trigger");
    tape.run(stampGradientKernel(geometry, preprocessing), [x, latent, dy], [dlatent]);
    return [dlatent];
  });
}

/** latent (4,H,W), weight (1) -> weight times the L1 norm of the mask (1). */
export function maskPenalty(tape: Tape, latent: Tensor, weight: Tensor): Tensor {
  const plane = size(latent) / LATENT_PLANES;
  const penalty = tape.transient([1], "mask penalty");
  tape.run(maskPenaltyKernel(plane), [latent, weight], [penalty]);
  return tape.differentiable([latent], penalty, (dpenalty) => {
    const dlatent = tape.transient(latent.shape, "d latent trigger");
    tape.run(maskPenaltyGradientKernel(plane), [latent, weight, dpenalty], [dlatent]);
    return [dlatent];
  });
}

/** logits (N,K), labels (N, u32, below K) -> each label's logit less the largest other (N). */
export function margins(tape: Tape, logits: Tensor, labels: Tensor): Tensor {
  const [batch = 0, classes = 0] = logits.shape;
  expectShape(labels, [batch], "compute margins");
  const y = tape.transient([batch], "margins");
  tape.run(marginKernel(batch, classes), [logits, labels], [y]);
  return tape.differentiable([logits], y, (dy) => {
    const dlogits = tape.transient(logits.shape, "d logits");
    tape.run(marginGradientKernel(batch, classes), [logits, labels, dy], [dlogits]);
    return [dlogits];
  });
}
