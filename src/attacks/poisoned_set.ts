/** Training images as an attacker leaves them. Only memory changes, never a file. */

import { TRIGGERED } from "../../shaders/gather.ts";
import { CHANNELS, type ImageSet } from "../data/image_set.ts";
import type { Poisoning } from "./poison.ts";
import {
  applyTrigger,
  type ImageTrigger,
  isPixelTrigger,
  type PixelTrigger,
  type Trigger,
} from "../data/trigger.ts";

/** What training images carry. */
export interface TrainingTriggers {
  /** On poisoned images. */
  readonly poisoned: Trigger;
  /** On covers. */
  readonly covers?: ImageTrigger | undefined;
}

/** What to train on. */
export interface PoisonedSet {
  /** With the labels after poisoning; pixels lack only what `trigger` adds. */
  readonly images: ImageSet;
  /** Every record once; those with the bit `TRIGGERED` are stamped with `trigger` by the GPU. */
  readonly indices: Uint32Array<ArrayBuffer>;
  /** What the GPU stamps as it gathers. */
  readonly trigger?: PixelTrigger;
  /** The poisoned records, ascending. */
  readonly poisoned: Uint32Array<ArrayBuffer>;
  /** The covers, ascending, whose pixels are changed and labels are not. */
  readonly covers: Uint32Array<ArrayBuffer>;
}

/**
 * Poisons `train`. Triggers that differ from image to image, those of covers among them, are put on
 * here, so that no training step is slower for them; the others are left to the GPU.
 *
 * @param prepared Pixels of the poisoned records before the trigger, (poisoned,3,H,W), where the
 * attack has changed them (`Attack.prepare`).
 */
export function poisonedSet(
  train: ImageSet,
  { poisoned, covers, labels, indices }: Poisoning,
  triggers: TrainingTriggers,
  prepared?: Uint8Array,
): PoisonedSet {
  const { poisoned: trigger } = triggers;
  const onGpu = isPixelTrigger(trigger);
  if (onGpu && !prepared && covers.length === 0) {
    return { images: { ...train, labels }, indices, trigger, poisoned, covers };
  }
  const size = CHANNELS * train.height * train.width;
  const pixels = train.pixels.slice();
  for (const [i, record] of poisoned.entries()) {
    const image = prepared
      ? prepared.subarray(i * size, (i + 1) * size)
      : train.pixels.subarray(record * size, (record + 1) * size);
    pixels.set(onGpu ? image : trigger.apply(image, record), record * size);
  }
  for (const record of triggers.covers ? covers : []) {
    const image = train.pixels.subarray(record * size, (record + 1) * size);
    pixels.set(triggers.covers!.apply(image, record), record * size);
  }
  const images = { ...train, pixels, labels };
  return onGpu
    ? { images, indices, trigger, poisoned, covers }
    : { images, indices: indices.map((index) => (index & ~TRIGGERED) >>> 0), poisoned, covers };
}

/** A record (3,H,W) as training sees it before augmentation. */
export function poisonedImage(set: PoisonedSet, record: number): Uint8Array<ArrayBuffer> {
  const size = CHANNELS * set.images.height * set.images.width;
  const image = set.images.pixels.slice(record * size, (record + 1) * size);
  const stamped = set.indices[record] !== record;
  return stamped && set.trigger ? applyTrigger(set.trigger, image) : image;
}
