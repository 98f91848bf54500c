/**
 * Checkpoints of PyTorch, old and new format, to plain tensors. Nothing in a file is executed; see
 * {@link ./pickle.ts}. {@link ./torch_write.ts} writes them.
 */

import { quoted } from "../text/quoted.ts";
import { decodeElements, ELEMENT_BYTES } from "./elements.ts";
import type { HostTensor, StateDict } from "./host_tensor.ts";
import { isObject, isTensor, type PickleValue, type TorchTensor } from "./pickle_value.ts";
import { refusal, type Refuse } from "./refusal.ts";
import { findStateDict, tensorFinder } from "./state_dict.ts";
import { gatherStrided } from "./strided.ts";
import type { TorchContents } from "./torch_contents.ts";
import { isTorchLegacy, readTorchLegacy } from "./torch_legacy.ts";
import { isZip, readTorchZip } from "./torch_zip.ts";

/** A PyTorch checkpoint. */
export interface TorchCheckpoint {
  /** Parameters and buffers, in file order. */
  readonly tensors: StateDict;
  /** The simple values beside the state dict, such as `epoch`; anything else is left out. */
  readonly metadata: Map<string, string | number | boolean>;
}

/** True of bytes that start like a PyTorch file of either format. */
export function isTorch(bytes: Uint8Array): boolean {
  return isZip(bytes) || isTorchLegacy(bytes);
}

/**
 * Copies tensors out of their storages. All of them together may take four times the file, beyond
 * an allowance for tiny files: views can repeat elements (stride 0), so that a small file could
 * otherwise fill the memory.
 */
function tensorReader(contents: TorchContents, fileBytes: number, refuse: Refuse) {
  const limit = 4 * fileBytes + (1 << 20);
  const known = new Map<TorchTensor, HostTensor>();
  let total = 0;
  return (tensor: TorchTensor): HostTensor => {
    const cached = known.get(tensor);
    if (cached) return cached;
    const { storage: { key, dtype, firstElement }, shape, strides, offset } = tensor;
    const bytes = contents.storages.get(key);
    if (!bytes) throw refuse(`no storage ${quoted(key)}`, "one for every tensor");
    const size = ELEMENT_BYTES[dtype];
    total += shape.reduce((product, extent) => product * extent, size);
    if (total > limit) throw refuse(`tensors of more than ${limit} bytes`, "no more than fit");
    const dense = gatherStrided(bytes, size, shape, strides, firstElement + offset);
    const read = { dtype, shape, data: decodeElements(dense, dtype, contents.littleEndian) };
    known.set(tensor, read);
    return read;
  };
}

function isSimple(value: PickleValue): value is string | number | bigint | boolean {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}

/**
 * Reads a checkpoint of PyTorch: the state dict that {@link ./state_dict.ts} finds, or the one under
 * `key`. Entries of it that are no tensors are left out.
 *
 * `source` names the file in messages. Throws {@linkcode FormatError} where the file is truncated,
 * damaged or inconsistent, where an entry is a tensor of an unknown kind, and where there is no state
 * dict or more than one.
 */
export function readTorch(bytes: Uint8Array, source: string, key?: string): TorchCheckpoint {
  const refuse = refusal("PyTorch file", source);
  if (!isTorch(bytes)) throw refuse("another kind of file", "a ZIP file or PyTorch's magic number");
  const contents = isZip(bytes) ? readTorchZip(bytes, refuse) : readTorchLegacy(bytes, refuse);
  const { root } = contents;
  const state = findStateDict(root, key, refuse);

  const read = tensorReader(contents, bytes.length, refuse);
  const holdsTensor = tensorFinder();
  const tensors: StateDict = new Map();
  for (const [name, value] of state) {
    if (typeof name !== "string") continue;
    if (isTensor(value)) tensors.set(name, read(value));
    else if (isObject(value) && holdsTensor(value)) {
      const kind = quoted(value.name);
      throw refuse(`tensor ${quoted(name)} of the unknown kind ${kind}`, "a plain tensor");
    }
  }

  const metadata: TorchCheckpoint["metadata"] = new Map();
  for (const [name, value] of root instanceof Map ? root : []) {
    if (typeof name !== "string" || !isSimple(value)) continue;
    metadata.set(name, typeof value === "bigint" ? String(value) : value);
  }
  return { tensors, metadata };
}
