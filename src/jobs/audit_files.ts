/** The triggers that an audit recovered, as tensors and as a picture. */

import type { ClassAudit } from "../audit/audit.ts";
import { recoveredTrigger } from "../audit/recovered_trigger.ts";
import { applyTrigger } from "../data/trigger.ts";
import { CHANNELS, type ImageSet } from "../data/image_set.ts";
import { float32Tensor } from "../formats/host_tensor.ts";
import { encodePng } from "../formats/png_write.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import { gallery } from "../report/gallery.ts";

/** Classes side by side. */
const COLUMNS = 10;

/** Side of a drawn pixel. */
const SCALE = 3;

/** What lies under a pattern where its mask lets the image through. */
const GREY = 128;

/**
 * The file of `mask` (K,H,W) and `pattern` (K,3,H,W), float32, with zeros for classes that were not
 * audited.
 */
export function patternsFile(
  audited: readonly ClassAudit[],
  of: { classes: number; height: number; width: number },
): Uint8Array<ArrayBuffer> {
  const { classes, height, width } = of;
  const plane = height * width;
  const mask = new Float32Array(classes * plane);
  const pattern = new Float32Array(classes * CHANNELS * plane);
  for (const found of audited) {
    mask.set(found.mask, found.label * plane);
    pattern.set(found.pattern, found.label * CHANNELS * plane);
  }
  const tensors = new Map([
    ["mask", float32Tensor([classes, height, width], mask)],
    ["pattern", float32Tensor([classes, CHANNELS, height, width], pattern)],
  ]);
  return writeSafetensors(tensors);
}

/**
 * Of each class its mask, the pattern through it on grey, and the first of the images with
 * the trigger on.
 */
export function patternsPicture(
  audited: readonly ClassAudit[],
  images: ImageSet,
): Uint8Array<ArrayBuffer> {
  const { height, width } = images;
  const size = CHANNELS * height * width;
  const grey = new Uint8Array(size).fill(GREY);
  const groups: Uint8Array[][][] = [];
  for (let first = 0; first < audited.length; first += COLUMNS) {
    const group = audited.slice(first, first + COLUMNS);
    const triggers = group.map((found) => recoveredTrigger(found, { height, width }));
    groups.push([
      group.map(({ mask }) =>
        Uint8Array.from(grey, (_, i) => Math.round(255 * mask[i % mask.length]!))
      ),
      triggers.map((trigger) => applyTrigger(trigger, grey)),
      triggers.map((trigger) => applyTrigger(trigger, images.pixels.subarray(0, size))),
    ]);
  }
  return encodePng(gallery(groups, { height, width }, SCALE));
}
