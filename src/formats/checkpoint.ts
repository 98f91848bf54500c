/** Reads a model from disk, whatever its format; the one file of this folder that reads files. */

import { FormatError } from "../errors.ts";
import type { StateDict } from "./host_tensor.ts";
import { readFailure } from "./read_file.ts";
import { isSafetensors, readSafetensors } from "./safetensors.ts";
import { isTorch, readTorch } from "./torch.ts";

/** A model's parameters with what its file says of them. */
export interface Checkpoint {
  /** Parameters and buffers, in file order. */
  readonly tensors: StateDict;
  /** The file's metadata as text: of PyTorch files the simple values beside the state dict. */
  readonly metadata: Map<string, string>;
  /** What the file turned out to be. */
  readonly format: "safetensors" | "torch";
}

/** Largest file that is read, 2 GiB. */
export const MAXIMUM_CHECKPOINT_BYTES = 2 ** 31;

/** Smallest file that could be either format: a header length and `{}`. */
const MINIMUM_CHECKPOINT_BYTES = 10;

/** The bytes of a regular file of a sensible size, which is checked before anything is read. */
async function readBytes(path: string): Promise<Uint8Array> {
  const { isFile, isDirectory, size } = await Deno.stat(path);
  const kind = isDirectory ? "a folder" : isFile ? undefined : "a device or pipe";
  const found = kind ??
    (size < MINIMUM_CHECKPOINT_BYTES || size > MAXIMUM_CHECKPOINT_BYTES
      ? `${size === 0 ? "an empty file" : `${size} bytes`}`
      : undefined);
  if (found !== undefined) {
    throw new FormatError(
      `cannot read checkpoint ${path}: found ${found}, expected a file of ` +
        `${MINIMUM_CHECKPOINT_BYTES} bytes to 2 GiB`,
    );
  }
  return await Deno.readFile(path);
}

/**
 * Reads a safetensors or PyTorch file (either format), told apart by content and not by name.
 * Throws {@linkcode FormatError} where `path` is missing, not a file, not permitted, empty, larger
 * than {@linkcode MAXIMUM_CHECKPOINT_BYTES}, damaged, or another format.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    throw readFailure(`cannot read checkpoint ${path}`, error);
  }
  if (isSafetensors(bytes)) return { ...readSafetensors(bytes, path), format: "safetensors" };
  if (isTorch(bytes)) {
    const { tensors, metadata } = readTorch(bytes, path);
    const text = [...metadata].map(([key, value]): [string, string] => [key, String(value)]);
    return { tensors, metadata: new Map(text), format: "torch" };
  }
  const start = bytes.subarray(0, 8).toHex();
  throw new FormatError(
    `cannot read checkpoint ${path}: found a file that starts with the bytes ${start}, ` +
      "expected safetensors or a PyTorch checkpoint",
  );
}
