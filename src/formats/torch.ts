/**
 * Checkpoints of PyTorch, old and new format, to plain tensors. Nothing in a file is executed; see
 * {@link ./pickle.ts}. {@link ./torch_write.ts} writes them.
 */

import { quoted } from "../text/quoted.ts";
import { decodeElements, ELEMENT_BYTES } from "./elements.ts";
import type { HostTensor, StateDict } from "./host_tensor.ts";
import { isTensor, type PickleDict, type PickleValue, type TorchTensor } from "./pickle_value.ts";
import { refusal, type Refuse } from "./refusal.ts";
import { gatherStrided } from "./strided.ts";
import type { TorchContents } from "./torch_contents.ts";
import { isTorchLegacy, readTorchLegacy } from "./torch_legacy.ts";
import { isZip, readTorchZip } from "./torch_zip.ts";

/** A PyTorch checkpoint. */
export interface TorchCheckpoint {
  /** Parameters and buffers, in file order, without a leading `module.`. */
  readonly tensors: StateDict;
  /** The simple values beside the state dict, such as `epoch`; anything else is left out. */
  readonly metadata: Map<string, string | number | boolean>;
}

/** Keys under which training scripts keep the state dict, most specific first. */
const STATE_DICT_KEYS = ["state_dict", "model_state_dict", "net", "model"];

/** What `torch.nn.DataParallel` puts before every name. */
const PARALLEL_PREFIX = "module.";

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

function findStateDict(root: PickleValue, refuse: Refuse): { root: PickleDict; state: PickleDict } {
  if (!(root instanceof Map)) throw refuse("a pickle of something else", "a dictionary of tensors");
  for (const key of STATE_DICT_KEYS) {
    const nested = root.get(key);
    if (nested instanceof Map) return { root, state: nested };
  }
  return { root, state: root };
}

function isSimple(value: PickleValue): value is string | number | bigint | boolean {
  return ["string", "number", "bigint", "boolean"].includes(typeof value);
}

/**
 * Reads a checkpoint of PyTorch: a state dict, bare or under `state_dict`, `model_state_dict`,
 * `net` or `model`. Entries of the state dict that are not tensors are left out.
 *
 * `source` names the file in messages. Throws {@linkcode FormatError} where the file is truncated,
 * damaged or inconsistent, refers to any class or function beyond those that rebuild tensors, or
 * holds no tensors.
 */
export function readTorch(bytes: Uint8Array, source: string): TorchCheckpoint {
  const refuse = refusal("PyTorch file", source);
  if (!isTorch(bytes)) throw refuse("another kind of file", "a ZIP file or PyTorch's magic number");
  const contents = isZip(bytes) ? readTorchZip(bytes, refuse) : readTorchLegacy(bytes, refuse);
  const { root, state } = findStateDict(contents.root, refuse);

  const read = tensorReader(contents, bytes.length, refuse);
  const tensors: StateDict = new Map();
  for (const [key, value] of state) {
    if (typeof key !== "string" || !isTensor(value)) continue;
    const name = key.startsWith(PARALLEL_PREFIX) ? key.slice(PARALLEL_PREFIX.length) : key;
    if (tensors.has(name)) throw refuse(`tensor ${quoted(name)} twice`, "distinct names");
    tensors.set(name, read(value));
  }
  if (tensors.size === 0) {
    const keys = [...root.keys()].slice(0, 8).map((key) => quoted(String(key)));
    throw refuse(
      `no tensors in a dictionary with the keys ${keys.join(", ") || "(none)"}`,
      `a state dict, bare or under ${STATE_DICT_KEYS.join(", ")}`,
    );
  }

  const metadata: TorchCheckpoint["metadata"] = new Map();
  for (const [key, value] of root) {
    if (typeof key !== "string" || !isSimple(value)) continue;
    metadata.set(key, typeof value === "bigint" ? String(value) : value);
  }
  return { tensors, metadata };
}
