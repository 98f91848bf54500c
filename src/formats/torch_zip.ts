/**
 * PyTorch's file format since version 1.6: a ZIP of `NAME/data.pkl`, `NAME/data/KEY` for each
 * storage, `NAME/version` and, since 2.1, `NAME/byteorder` (`torch/serialization.py`, `_save`).
 */

import { quoted } from "../text/quoted.ts";
import { ELEMENT_BYTES } from "./elements.ts";
import { unpickle } from "./pickle.ts";
import { PickleStream } from "./pickle_stream.ts";
import type { Refuse } from "./refusal.ts";
import type { TorchContents } from "./torch_contents.ts";
import { extractZipEntry, readZipDirectory } from "./zip.ts";

/** True of bytes that start like a ZIP file. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

/**
 * Takes a ZIP-format PyTorch file apart. Nothing is copied. Throws what `refuse` makes for entries
 * that are compressed (PyTorch writes none), missing, damaged or not of the size that the pickle
 * states.
 */
export function readTorchZip(bytes: Uint8Array, refuse: Refuse): TorchContents {
  const entries = readZipDirectory(bytes, refuse);
  const extract = (name: string): Uint8Array => {
    const entry = entries.get(name);
    if (!entry) throw refuse(`no entry ${quoted(name)} in the ZIP file`, "one");
    if (entry.method !== "stored") {
      throw refuse(`compressed entry ${quoted(name)}`, "stored entries, as PyTorch writes them");
    }
    return extractZipEntry(entry, refuse);
  };

  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw refuse(`a ZIP file with ${pickles.length} entries NAME/data.pkl`, "one");
  }
  const prefix = pickle.slice(0, -"data.pkl".length);

  const order = `${prefix}byteorder`;
  const byteOrder = entries.has(order) ? new TextDecoder().decode(extract(order)) : "little";
  if (byteOrder !== "little" && byteOrder !== "big") {
    throw refuse(`byte order ${quoted(byteOrder)}`, '"little" or "big"');
  }

  const pickled = unpickle(new PickleStream(extract(pickle), 0, refuse));
  const storages = new Map<string, Uint8Array>();
  for (const { key, dtype, rootElements } of pickled.storages) {
    const storage = storages.get(key) ?? extract(`${prefix}data/${key}`);
    if (storage.length !== rootElements * ELEMENT_BYTES[dtype]) {
      throw refuse(
        `${storage.length} bytes in storage ${quoted(key)}`,
        `${rootElements} elements of type ${dtype}`,
      );
    }
    storages.set(key, storage);
  }
  return { root: pickled.value, storages, littleEndian: byteOrder === "little" };
}
