/**
 * What a report shows of networks beyond the numbers of a run: predictions, confusion matrices and
 * attention on some test images, without and with the trigger. Computed when the report is made.
 */

import type { AttentionOperator } from "../../shaders/attention.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import { countsForAttack } from "../data/target.ts";
import { triggeredImage } from "../data/trigger.ts";
import { RandomPurpose, RandomStream, shuffle } from "../data/random.ts";
import { imageCount, type ImageSet, selectImages } from "../data/image_set.ts";
import type { NamedState } from "../nn/state.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { loadModel, type Model } from "../nn/model.ts";
import type { Confusion } from "../train/confusion.ts";
import { evaluateModel } from "../train/evaluate.ts";
import type { Backdoor } from "../data/backdoor.ts";
import { uploadImages } from "../train/image_store.ts";
import { type AttentionMaps, attentionMaps } from "./attention_maps.ts";
import { imageOf } from "./picture.ts";

/** Images whose attention is shown. */
const SAMPLES = 4;

/** Which test images are measured does not depend on the seed of a run, so that runs compare. */
const CHOICE_SEED = 0;

/** What to measure. */
export interface MeasurementRequest {
  /** Networks for the same classes, in the order of the report. */
  readonly networks: readonly NamedNetwork[];
  /** To choose from. */
  readonly test: ImageSet;
  /** Most test images to use. */
  readonly images: number;
  /** What the networks were trained with. */
  readonly preprocessing: Preprocessing;
  /** How activations become maps. */
  readonly operator: AttentionOperator;
  /** Also measured, where it is known. */
  readonly backdoor?: Backdoor | undefined;
  /** Stops the measurement. */
  readonly signal?: AbortSignal | undefined;
  /** Told which network is measured, and how far that is. */
  readonly onProgress?: (name: string, images: number, total: number) => void;
}

/** A network as the report calls it. */
export interface NamedNetwork {
  /** For example `backdoored`. */
  readonly name: string;
  /** What is measured. */
  readonly network: NamedState;
}

/** What was measured. */
export interface Measurement {
  /** Number of each image in the test set, ascending. */
  readonly records: Uint32Array;
  /** The images, as the data set has them. */
  readonly clean: ImageSet;
  /** The same images with the trigger on, where a backdoor is known. */
  readonly triggered?: ImageSet;
  /** What the trigger is of. */
  readonly backdoor?: Backdoor;
  /** The images whose attention is shown, by their place in `clean`. */
  readonly samples: readonly number[];
  /** In the order in which they were asked for. */
  readonly networks: readonly MeasuredNetwork[];
}

/** One network. */
export interface MeasuredNetwork {
  /** As it was asked for. */
  readonly name: string;
  /** Number of logits. */
  readonly classes: number;
  /** On untouched images. */
  readonly clean: NetworkOutput;
  /** Present where a backdoor is known. */
  readonly triggered?: NetworkOutput;
}

/** What a network makes of a set of images. */
export interface NetworkOutput {
  /** Predicted class of every image. */
  readonly predictions: Uint16Array;
  /** Labels against predictions. */
  readonly confusion: Confusion;
  /** Of the samples, one entry a tap; none where there are no samples. */
  readonly attention: readonly AttentionMaps[];
}

/**
 * Measures networks on a random choice of test images.
 *
 * @throws {Interrupted} when the signal is aborted.
 */
export async function measure(gpu: Gpu, request: MeasurementRequest): Promise<Measurement> {
  const { networks, test, backdoor } = request;
  const records = chooseRecords(imageCount(test), request.images);
  const clean = selectImages(test, records);
  const triggered = backdoor && withTrigger(clean, records, backdoor);
  const samples = chooseSamples(clean, networks[0]!.network.architecture.classes, backdoor);
  const measured: MeasuredNetwork[] = [];
  for (const { name, network } of networks) {
    const { architecture, state, source } = network;
    using model = loadModel(gpu, architecture, state, source);
    const output = (images: ImageSet, kind: string) =>
      outputOf(gpu, model, images, samples, `${name}, ${kind}`, request);
    measured.push({
      name,
      classes: architecture.classes,
      clean: await output(clean, "clean images"),
      ...triggered ? { triggered: await output(triggered, "triggered images") } : {},
    });
  }
  return {
    records,
    clean,
    ...triggered && backdoor ? { triggered, backdoor } : {},
    samples,
    networks: measured,
  };
}

/** At most `wanted` of the numbers below `count`, ascending. */
function chooseRecords(count: number, wanted: number): Uint32Array<ArrayBuffer> {
  const order = shuffle(count, new RandomStream(CHOICE_SEED, RandomPurpose.heldOut));
  return order.slice(0, wanted).sort();
}

function withTrigger(clean: ImageSet, records: Uint32Array, { trigger }: Backdoor): ImageSet {
  const pixels = new Uint8Array(clean.pixels.length);
  for (const [i, record] of records.entries()) {
    const image = imageOf(clean, i).pixels;
    pixels.set(triggeredImage(trigger, image, record), i * image.length);
  }
  return { ...clean, pixels };
}

/** The first image of each of the first few classes, but for those that the trigger leads nowhere. */
function chooseSamples(
  { labels }: ImageSet,
  classes: number,
  backdoor: Backdoor | undefined,
): number[] {
  const samples: number[] = [];
  for (let label = 0; label < classes && samples.length < SAMPLES; label++) {
    if (backdoor && !countsForAttack(backdoor.target, label, classes)) continue;
    const first = labels.indexOf(label);
    if (first >= 0) samples.push(first);
  }
  return samples;
}

async function outputOf(
  gpu: Gpu,
  model: Model,
  images: ImageSet,
  samples: readonly number[],
  name: string,
  { preprocessing, operator, signal, onProgress }: MeasurementRequest,
): Promise<NetworkOutput> {
  using store = uploadImages(gpu, images);
  const { confusion, logits } = await evaluateModel(gpu, model, store, {
    preprocessing,
    logits: true,
    signal,
    onProgress: (done) => onProgress?.(name, done, store.count),
  });
  const { classes } = model.architecture;
  const predictions = Uint16Array.from(images.labels, (_, i) => {
    const row = logits!.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
  });
  const attention = samples.length === 0
    ? []
    : await attentionMaps(gpu, model, store, samples, { operator, preprocessing });
  return { predictions, confusion, attention };
}
