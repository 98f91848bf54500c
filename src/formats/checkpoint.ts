/** Reads a model from disk, whatever its format; the one file of this folder that reads files. */

import type { StateDict } from "./host_tensor.ts";
import { readRegularFile } from "./read_file.ts";
import { refusal } from "./refusal.ts";
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

/**
 * Reads a safetensors or PyTorch file (either format), told apart by content and not by name.
 * Throws `FormatError` where `path` is missing, not a file, not permitted, empty, larger
 * than {@linkcode MAXIMUM_CHECKPOINT_BYTES}, damaged, or another format.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = await readRegularFile(path, {
    what: "checkpoint",
    limit: MAXIMUM_CHECKPOINT_BYTES,
  });
  if (isSafetensors(bytes)) return { ...readSafetensors(bytes, path), format: "safetensors" };
  if (isTorch(bytes)) {
    const { tensors, metadata } = readTorch(bytes, path);
    const text = [...metadata].map(([key, value]): [string, string] => [key, String(value)]);
    return { tensors, metadata: new Map(text), format: "torch" };
  }
  const start = bytes.length === 0
    ? "an empty file"
    : `a file of ${bytes.length} bytes that starts with ${bytes.subarray(0, 8).toHex()}`;
  throw refusal("checkpoint", path)(start, "safetensors or a PyTorch checkpoint");
}
