/**
 * Fine-pruning: Liu, Dolan-Gavitt & Garg, "Fine-Pruning: Defending Against Backdooring Attacks on
 * Deep Neural Networks" (RAID 2018). The channels of the last convolution that clean images excite
 * least are switched off, as many as clean accuracy allows; then the rest is finetuned.
 *
 * The last convolution of a pre-activation network acts through the batch norm and ReLU behind it. A
 * channel whose scale and shift there are 0 is silent, and stays so: no gradient passes its ReLU. Where
 * no such norm stands before the head, the weights with which the head reads a channel are 0, and are
 * not trained.
 */

import { UsageError } from "../errors.ts";
import { elementCount, type StateDict } from "../formats/host_tensor.ts";
import type { Architecture } from "../nn/architecture.ts";
import { type HeadValues, headValues } from "../nn/head.ts";
import { type Model, readModel, writeModel } from "../nn/model.ts";
import { floats } from "../nn/state.ts";
import { lastActivations } from "../train/activations.ts";
import type { FixedElements } from "../train/fixed_elements.ts";
import { readLabels } from "../train/image_store.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import type { Defense, DefenseContext } from "./defense.ts";

/** Fine-pruning: `floor` bounds what pruning may cost, `training` sets how it is finetuned. */
export const finePruning: Defense = {
  name: "fine-pruning",
  description: "prunes channels that clean images leave silent, then finetunes (Liu et al. 2018)",
  trains: true,
  async run(context) {
    const { gpu, student, settings, load, train, note, present } = context;
    const model = load(student);
    const { order, accuracies } = await pruningCurve(context, model);
    const floor = accuracies[0]! - settings.floor / 100;
    const firstBelow = accuracies.findIndex((accuracy) => accuracy < floor);
    const pruned = order.slice(0, (firstBelow < 0 ? accuracies.length : firstBelow) - 1);
    await note("pruning", { pruned: pruned.length, channels: order.length, order, accuracies });
    const { architecture } = student;
    const { state, fixed } = prune(architecture, await readModel(gpu, model), pruned);
    writeModel(gpu, model, state, "the pruned network");
    await present("pruned", model);
    await train("student", model, CROSS_ENTROPY, settings.training, { fixed });
    return model;
  },
};

/**
 * The channels from the least to the most active, and the held-out accuracy with the first 0, 1, 2, ...
 * of them pruned (all but the last), 0..1. Where no images are held out, those to train on stand in.
 *
 * @throws {UsageError} where the floor is below nothing.
 */
async function pruningCurve(
  { gpu, clean, heldOut = clean, settings, signal }: DefenseContext,
  model: Model,
): Promise<{ order: readonly number[]; accuracies: readonly number[] }> {
  const options = { preprocessing: settings.training.preprocessing, signal };
  const { values, channels } = await lastActivations(gpu, model, clean, options);
  const means = new Float64Array(channels);
  for (const [i, value] of values.entries()) means[i % channels]! += value / clean.count;
  const order = [...means.keys()].sort((a, b) => means[a]! - means[b]! || a - b);

  const measured = (await lastActivations(gpu, model, heldOut, options)).values;
  const labels = await readLabels(gpu, heldOut);
  const head = headValues(model.architecture, await readModel(gpu, model));
  const accuracies = prunedAccuracies(head, measured, labels, order);
  if (accuracies[0]! * 100 <= settings.floor) {
    throw new UsageError(
      `cannot keep accuracy within ${settings.floor} points: it is ` +
        `${
          (100 * accuracies[0]!).toFixed(1)
        } % before anything is pruned; expected a smaller --floor`,
    );
  }
  return { order, accuracies };
}

/**
 * The accuracy with the first 0, 1, 2, ... channels of `order` silent, all but the last. Channels are
 * added from the end, each one's share of the logits once.
 *
 * @param features (N,C)
 */
export function prunedAccuracies(
  { weight, bias, channels }: HeadValues,
  features: Float32Array,
  labels: ArrayLike<number>,
  order: readonly number[],
): number[] {
  const classes = bias.length;
  const count = labels.length;
  const logits = Float64Array.from({ length: count * classes }, (_, i) => bias[i % classes]!);
  const accuracies: number[] = [];
  for (const channel of order.toReversed()) {
    let correct = 0;
    for (let n = 0; n < count; n++) {
      const feature = features[n * channels + channel]!;
      let best = 0;
      for (let k = 0; k < classes; k++) {
        logits[n * classes + k]! += weight[k * channels + channel]! * feature;
        if (logits[n * classes + k]! > logits[n * classes + best]!) best = k;
      }
      if (best === labels[n]) correct++;
    }
    accuracies.push(correct / count);
  }
  return accuracies.reverse();
}

/** The state with the given features silent, and what has to be left untrained that they stay so. */
export function prune(
  { head, lastNorm, classes }: Architecture,
  state: StateDict,
  channels: readonly number[],
): { state: StateDict; fixed: FixedElements } {
  const pruned = new Map(state);
  const silence = (name: string, elements: readonly number[]) => {
    const tensor = state.get(name)!;
    const data = floats(tensor).slice();
    for (const element of elements) data[element] = 0;
    pruned.set(name, { ...tensor, dtype: "float32", data });
  };
  if (lastNorm) {
    silence(lastNorm.weight, channels);
    silence(lastNorm.bias, channels);
    return { state: pruned, fixed: new Map() };
  }
  const { weight, transposed } = head!;
  const features = elementCount(state.get(weight)!.shape) / classes;
  const elements = channels.flatMap((channel) =>
    Array.from(
      { length: classes },
      (_, k) => transposed ? channel * classes + k : k * features + channel,
    )
  );
  silence(weight, elements);
  return { state: pruned, fixed: new Map([[weight, elements]]) };
}
