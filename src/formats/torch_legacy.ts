/**
 * PyTorch's file format before version 1.6 (`torch/serialization.py`, `_legacy_save`): pickles of a
 * magic number, the protocol version, the writer's system, the object and the list of storage keys,
 * then each storage as a 64-bit count of elements and the elements, little-endian on every system.
 */

import { quoted } from "../text/quoted.ts";
import { ELEMENT_BYTES } from "./elements.ts";
import { unpickle } from "./pickle.ts";
import { PickleStream } from "./pickle_stream.ts";
import type { Refuse } from "./refusal.ts";
import type { PickleValue, TorchStorage } from "./pickle_value.ts";
import type { TorchContents } from "./torch_contents.ts";
import { STORAGE_DTYPES } from "./torch_globals.ts";

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;

const PROTOCOL_VERSION = 1001;

/** The start of `pickle.dumps(MAGIC_NUMBER, protocol=2)`: PROTO 2, LONG1 of 10 bytes. */
const FIRST_BYTES = [0x80, 2, 0x8a, 10, 0x6c, 0xfc];

/** True of bytes that start like a legacy PyTorch file. */
export function isTorchLegacy(bytes: Uint8Array): boolean {
  return FIRST_BYTES.every((byte, i) => bytes[i] === byte);
}

/**
 * Elements under each key, from the pickle's references to them. Views of one storage share its
 * key and state its whole size, which therefore must agree.
 */
function rootStorages(
  references: readonly TorchStorage[],
  refuse: Refuse,
): Map<string, TorchStorage> {
  const roots = new Map<string, TorchStorage>();
  for (const reference of references) {
    const root = roots.get(reference.key) ?? reference;
    if (root.dtype !== reference.dtype || root.rootElements !== reference.rootElements) {
      throw refuse(`storage ${quoted(reference.key)} with two types or sizes`, "one");
    }
    roots.set(reference.key, root);
  }
  return roots;
}

/**
 * Takes a legacy PyTorch file apart. Nothing is copied. Throws what `refuse` makes where the file
 * is truncated, goes on behind its last storage, or disagrees with itself.
 */
export function readTorchLegacy(bytes: Uint8Array, refuse: Refuse): TorchContents {
  const stream = new PickleStream(bytes, 0, refuse);
  const expectValue = (expected: PickleValue, what: string) => {
    if (unpickle(stream).value !== expected) throw refuse(`another ${what}`, String(expected));
  };
  expectValue(MAGIC_NUMBER, "magic number");
  expectValue(PROTOCOL_VERSION, "protocol version");
  unpickle(stream); // sizes and byte order of the writer's system, which PyTorch ignores as well
  const pickled = unpickle(stream);
  const [unknown] = pickled.unknownStorages;
  if (unknown) {
    throw refuse(
      `a storage of the type ${quoted(unknown.name)}, whose length is not known`,
      `one of ${[...STORAGE_DTYPES.keys()].join(", ")}`,
    );
  }
  const keys = unpickle(stream).value;
  const roots = rootStorages(pickled.storages, refuse);
  if (!Array.isArray(keys) || keys.length !== roots.size) {
    throw refuse("a list of storages unlike those of the tensors", `${roots.size} keys`);
  }

  const storages = new Map<string, Uint8Array>();
  for (const key of keys) {
    const root = typeof key === "string" ? roots.get(key) : undefined;
    if (!root || storages.has(root.key)) {
      throw refuse("a storage that no tensor names, or one twice", "each storage once");
    }
    const elements = stream.uint64();
    if (elements !== root.rootElements) {
      throw refuse(`${elements} elements in storage ${quoted(root.key)}`, `${root.rootElements}`);
    }
    storages.set(root.key, stream.take(elements * ELEMENT_BYTES[root.dtype]));
  }
  if (stream.position !== bytes.length) {
    throw refuse(`${bytes.length} bytes`, `${stream.position}, the end of the last storage`);
  }
  return { root: pickled.value, storages, littleEndian: true };
}
