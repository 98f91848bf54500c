/**
 * Which of several networks a state dict belongs to, where names and shapes leave it open: the images
 * decide, by cross-entropy. Accuracy would not do: a wrong stride before the last pooling hardly
 * changes it.
 */

import type { Preprocessing } from "../../shaders/gather.ts";
import { evenSubset } from "../data/clean_subset.ts";
import { type ImageSet, selectImages } from "../data/image_set.ts";
import { ModelError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { loadModel } from "../nn/model.ts";
import { evaluateModel } from "../train/evaluate.ts";
import { uploadImages } from "../train/image_store.ts";
import type { LoadedModel } from "./load.ts";
import type { JobContext } from "./watcher.ts";

/** Images that decide. */
const IMAGES = 200;

/** Standard errors by which another variant must be better than the usual one. */
const CLEARLY = 2;

/** The cross-entropy of each row of logits (N,K), in nats. */
export function crossEntropies(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Float64Array {
  return Float64Array.from({ length: labels.length }, (_, i) => {
    let most = -Infinity;
    for (let k = 0; k < classes; k++) most = Math.max(most, logits[i * classes + k]!);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += Math.exp(logits[i * classes + k]! - most);
    return most + Math.log(sum) - logits[i * classes + labels[i]!]!;
  });
}

const mean = (values: Float64Array) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The index of the variant that the images speak for: the one of the lowest cross-entropy, but the
 * first, the usual one, where that is no worse than chance allows. Each variant's values are of the
 * same images in the same order.
 */
export function bestVariant(entropies: readonly Float64Array[]): number {
  const means = entropies.map(mean);
  const best = means.indexOf(Math.min(...means));
  const differences = entropies[0]!.map((usual, i) => usual - entropies[best]![i]!);
  const gain = mean(differences);
  const variance = mean(differences.map((each) => (each - gain) ** 2));
  return gain > CLEARLY * Math.sqrt(variance / differences.length) ? best : 0;
}

/** What was found out about a network with variants. */
interface Trial {
  readonly architecture: Architecture;
  readonly entropies: Float64Array;
}

/**
 * The network with the variant that fits the images, said in words; the network itself where nothing
 * is open.
 */
export async function decideVariant(
  gpu: Gpu,
  network: LoadedModel,
  images: ImageSet,
  { preprocessing, output, signal }:
    & { preprocessing: Preprocessing }
    & Pick<JobContext, "output" | "signal">,
): Promise<LoadedModel> {
  const { others = [], state, source } = network;
  if (others.length === 0) return network;
  const chosen = selectImages(images, evenSubset(images.labels, IMAGES));
  using store = uploadImages(gpu, chosen);
  const trials: Trial[] = [];
  for (const architecture of [network.architecture, ...others]) {
    try {
      using model = loadModel(gpu, architecture, state, source);
      const options = { preprocessing, logits: true, signal };
      const { logits } = await evaluateModel(gpu, model, store, options);
      const entropies = crossEntropies(logits!, chosen.labels, architecture.classes);
      trials.push({ architecture, entropies });
    } catch (error) {
      // A variant that shrinks images to nothing is not the one.
      if (!(error instanceof ModelError)) throw error;
    }
  }
  if (trials.length === 0) return network;
  const { architecture } = trials[bestVariant(trials.map(({ entropies }) => entropies))]!;
  const list = trials.map((trial) =>
    `${trial.architecture.name} ${mean(trial.entropies).toFixed(3)}`
  );
  output.line(
    `names and shapes leave open what the network is; cross-entropy on ${chosen.labels.length} ` +
      `clean images: ${list.join(", ")}; taken as ${architecture.name}, --arch names another`,
  );
  return { ...network, architecture };
}
