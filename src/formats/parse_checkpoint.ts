/** Reads the bytes of a model, whatever its format; `checkpoint.ts` reads them from disk. */

import type { StateDict } from "./host_tensor.ts";
import { withoutPrefix } from "./prefix.ts";
import { refusal } from "./refusal.ts";
import { isSafetensors, readSafetensors } from "./safetensors.ts";
import { isTorch, readTorch } from "./torch.ts";

/** A model's parameters with what its file says of them. */
export interface Checkpoint {
  /** Parameters and buffers, in file order, named without a prefix that all names share. */
  readonly tensors: StateDict;
  /** The file's metadata as text: of PyTorch files the simple values beside the state dict. */
  readonly metadata: Map<string, string>;
  /** What the file turned out to be. */
  readonly format: "safetensors" | "torch";
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
}

/** What to read of a file that holds more than one network. */
export interface CheckpointOptions {
  /** Where the state dict lies in a PyTorch file, its keys joined by dots; found unless given. */
  readonly key?: string | undefined;
}

/** Largest file that is read, 2 GiB. */
export const MAXIMUM_CHECKPOINT_BYTES = 2 ** 31;

/**
 * Reads the bytes of a safetensors or PyTorch file (either format), told apart by content. `source`
 * names the file in messages.
 *
 * @throws {FormatError} where it is damaged or another format, or holds no network or several.
 */
export async function parseCheckpoint(
  bytes: Uint8Array<ArrayBuffer>,
  source: string,
  { key }: CheckpointOptions = {},
): Promise<Checkpoint> {
  const read = parse(bytes, source, key);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  return { ...read, tensors: withoutPrefix(read.tensors), digest };
}

function parse(
  bytes: Uint8Array,
  source: string,
  key: string | undefined,
): Omit<Checkpoint, "digest"> {
  const refuse = refusal("checkpoint", source);
  if (isSafetensors(bytes)) {
    if (key !== undefined) {
      throw refuse("a safetensors file, which holds one network", "none of its keys to be named");
    }
    return { ...readSafetensors(bytes, source), format: "safetensors" };
  }
  if (isTorch(bytes)) {
    const { tensors, metadata } = readTorch(bytes, source, key);
    const text = [...metadata].map(([name, value]): [string, string] => [name, String(value)]);
    return { tensors, metadata: new Map(text), format: "torch" };
  }
  const start = bytes.length === 0
    ? "an empty file"
    : `a file of ${bytes.length} bytes that starts with ${bytes.subarray(0, 8).toHex()}`;
  throw refuse(start, "safetensors or a PyTorch checkpoint");
}
