/**
 * Fine-pruning: Liu, Dolan-Gavitt & Garg, "Fine-Pruning: Defending Against Backdooring Attacks on
 * Deep Neural Networks" (RAID 2018). The channels of the last convolution that clean images excite
 * least are switched off, as many as clean accuracy allows; then the rest is finetuned.
 *
 * The last convolution of a pre-activation network acts through the batch norm and ReLU behind it. A
 * channel whose scale and shift there are 0 is silent, and stays so: no gradient passes its ReLU.
 */

import { UsageError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { type Model, readModel, writeModel } from "../nn/model.ts";
import { floats } from "../nn/state.ts";
import { lastActivations } from "../train/activations.ts";
import { readLabels } from "../train/image_store.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import type { Defense, DefenseContext } from "./defense.ts";

/** Batch norm behind the last convolution. */
const LAST_BATCH_NORM = "bn1";

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
    const kept = accuracies.findIndex((accuracy) => accuracy < floor);
    const pruned = order.slice(0, (kept < 0 ? accuracies.length : kept) - 1);
    await note("pruning", { pruned: pruned.length, channels: order.length, order, accuracies });
    writeModel(gpu, model, prune(await readModel(gpu, model), pruned), "the pruned network");
    await present("pruned", model);
    await train("student", model, CROSS_ENTROPY, settings.training);
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
  const state = await readModel(gpu, model);
  const weights = floats(state.get("fc.weight")!);
  const bias = floats(state.get("fc.bias")!);
  const silent = new Set<number>();
  const accuracy = () => {
    let correct = 0;
    for (const [n, label] of labels.entries()) {
      const logits = Array.from(bias, (b, k) => {
        let sum = b;
        for (let c = 0; c < channels; c++) {
          if (!silent.has(c)) sum += weights[k * channels + c]! * measured[n * channels + c]!;
        }
        return sum;
      });
      if (logits.indexOf(Math.max(...logits)) === label) correct++;
    }
    return correct / labels.length;
  };
  const accuracies = order.map((channel) => {
    const before = accuracy();
    silent.add(channel);
    return before;
  });
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

/** The state with the given channels of the last activation silent. */
export function prune(state: StateDict, channels: readonly number[]): StateDict {
  const pruned = new Map(state);
  for (const name of [`${LAST_BATCH_NORM}.weight`, `${LAST_BATCH_NORM}.bias`]) {
    const tensor = state.get(name)!;
    const data = floats(tensor).slice();
    for (const channel of channels) data[channel] = 0;
    pruned.set(name, { ...tensor, data });
  }
  return pruned;
}
