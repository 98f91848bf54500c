/**
 * Writes a state dict as PyTorch's ZIP format, of which `torch.load(weights_only=True)` accepts
 * every opcode. {@link ./torch.ts} reads it.
 */

import { encodeElements } from "./elements.ts";
import type { HostTensor, StateDict } from "./host_tensor.ts";
import { rowMajorStrides } from "./strided.ts";
import { STORAGE_DTYPES } from "./torch_globals.ts";
import { writeStoredZip, type ZipFile } from "./zip_write.ts";

/** Storages start at multiples of this many bytes, as PyTorch's do (`kFieldAlignment`). */
const ALIGNMENT = 64;

/** Collects the opcodes of a pickle. */
class PickleWriter {
  readonly #parts: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();

  /** Opcodes as they are. */
  opcodes(...bytes: number[]): void {
    this.#parts.push(Uint8Array.from(bytes));
  }

  /** GLOBAL of `module.name`, the last dot parting them. */
  global(name: string): void {
    const dot = name.lastIndexOf(".");
    const line = `c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`;
    this.#parts.push(this.#encoder.encode(line));
  }

  /** BINUNICODE. */
  text(text: string): void {
    const encoded = this.#encoder.encode(text);
    this.#number(0x58, 4, (view) => view.setUint32(1, encoded.length, true));
    this.#parts.push(encoded);
  }

  /** BININT, or LONG1 of 8 bytes where that is too small. */
  integer(value: number): void {
    if (value <= 0x7fffffff) this.#number(0x4a, 4, (view) => view.setInt32(1, value, true));
    else {
      this.opcodes(0x8a, 8);
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
      this.#parts.push(bytes);
    }
  }

  /** MARK, integers, TUPLE. */
  integers(values: readonly number[]): void {
    this.opcodes(0x28);
    for (const value of values) this.integer(value);
    this.opcodes(0x74);
  }

  /** `OrderedDict()`: GLOBAL, EMPTY_TUPLE, REDUCE. */
  orderedDict(): void {
    this.global("collections.OrderedDict");
    this.opcodes(0x29, 0x52);
  }

  /** All of it. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #number(opcode: number, bytes: number, write: (view: DataView) => void): void {
    const part = new Uint8Array(1 + bytes);
    part[0] = opcode;
    write(new DataView(part.buffer));
    this.#parts.push(part);
  }
}

/** `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
function writeTensor(pickle: PickleWriter, tensor: HostTensor, key: string): void {
  const storageType = [...STORAGE_DTYPES].find(([, dtype]) => dtype === tensor.dtype)![0];
  pickle.global("torch._utils._rebuild_tensor_v2");
  pickle.opcodes(0x28, 0x28); // MARK, MARK
  pickle.text("storage");
  pickle.global(storageType);
  pickle.text(key);
  pickle.text("cpu");
  pickle.integer(tensor.data.length);
  pickle.opcodes(0x74, 0x51); // TUPLE, BINPERSID
  pickle.integer(0);
  pickle.integers(tensor.shape);
  pickle.integers(rowMajorStrides(tensor.shape));
  pickle.opcodes(0x89); // NEWFALSE
  pickle.orderedDict();
  pickle.opcodes(0x74, 0x52); // TUPLE, REDUCE
}

/**
 * A state dict as a PyTorch file, in the order of the map. The result depends on nothing but
 * `state`. Throws {@linkcode FormatError} at 4 GiB or 65,532 tensors.
 */
export function writeTorch(state: StateDict): Uint8Array<ArrayBuffer> {
  const pickle = new PickleWriter();
  const storages: ZipFile[] = [];
  pickle.opcodes(0x80, 2); // PROTO 2
  pickle.orderedDict();
  pickle.opcodes(0x28); // MARK
  for (const [name, tensor] of state) {
    const key = String(storages.length);
    pickle.text(name);
    writeTensor(pickle, tensor, key);
    storages.push({ name: `archive/data/${key}`, bytes: encodeElements(tensor) });
  }
  pickle.opcodes(0x75, 0x2e); // SETITEMS, STOP
  const encoder = new TextEncoder();
  const files = [
    { name: "archive/data.pkl", bytes: pickle.finish() },
    { name: "archive/byteorder", bytes: encoder.encode("little") },
    ...storages,
    { name: "archive/version", bytes: encoder.encode("3\n") },
  ];
  return writeStoredZip(files, ALIGNMENT);
}
