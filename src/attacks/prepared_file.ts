/**
 * A prepared attack as one safetensors file: a resumed run takes it as it was, so that neither
 * another driver nor a changed trigger file can make the second half of a training differ.
 */

import { FormatError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import { BACKDOOR_KEY, type BackdoorDescription, recordedBackdoor } from "./backdoor.ts";

/** What a preparation left, and what the trigger files held. */
export interface PreparedAttack {
  /** With everything that the trigger needs. */
  readonly description: BackdoorDescription;
  /** Pixels of the poisoned images before the trigger, (poisoned,3,H,W), where they change. */
  readonly images?: Uint8Array<ArrayBuffer> | undefined;
}

const IMAGES = "images";

/** The bytes of the file. */
export function encodePrepared(
  { description, images }: PreparedAttack,
  { height, width }: { height: number; width: number },
): Uint8Array<ArrayBuffer> {
  const tensors: StateDict = new Map();
  if (images) {
    const shape = [images.length / (3 * height * width), 3, height, width];
    tensors.set(IMAGES, { dtype: "uint8", shape, data: images });
  }
  return writeSafetensors(tensors, new Map([[BACKDOOR_KEY, JSON.stringify(description)]]));
}

/**
 * Reads what {@linkcode encodePrepared} wrote.
 *
 * @throws {FormatError} where the bytes are no prepared attack.
 */
export function decodePrepared(bytes: Uint8Array, source: string): PreparedAttack {
  const { tensors, metadata } = readSafetensors(bytes, source);
  const description = recordedBackdoor(metadata, source);
  const images = tensors.get(IMAGES)?.data;
  if (images === undefined) return { description };
  if (!(images instanceof Uint8Array)) {
    throw new FormatError(`cannot read ${source}: its images are no bytes`);
  }
  return { description, images: Uint8Array.from(images) };
}
