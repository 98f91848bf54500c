/** NumPy's archives of arrays: a ZIP file of `.npy` files, stored or deflated. */

import { quoted } from "../text/quoted.ts";
import type { StateDict } from "./host_tensor.ts";
import { readNpy } from "./npy.ts";
import { refusal } from "./refusal.ts";
import { extractZipEntry, readZipDirectory } from "./zip.ts";

/** Largest archive after decompression, 1 GiB: some hundred times the largest that is in use. */
const MAXIMUM_NPZ_BYTES = 2 ** 30;

const SUFFIX = ".npy";

/**
 * The arrays of an archive by name, without `.npy`. `source` names the file in messages. Throws
 * {@linkcode FormatError} for entries that are not arrays, archives that would decompress to more
 * than 1 GiB, and anything that {@linkcode readNpy} refuses.
 */
export function readNpz(bytes: Uint8Array, source: string): StateDict {
  const refuse = refusal("NumPy archive", source);
  const entries = readZipDirectory(bytes, refuse);
  let total = 0;
  for (const { size } of entries.values()) total += size;
  if (total > MAXIMUM_NPZ_BYTES) {
    throw refuse(`${total} bytes after decompression`, `at most ${MAXIMUM_NPZ_BYTES}`);
  }
  const arrays: StateDict = new Map();
  for (const [name, entry] of entries) {
    if (!name.endsWith(SUFFIX)) {
      throw refuse(`entry ${quoted(name)}`, `names that end in ${SUFFIX}`);
    }
    const array = readNpy(extractZipEntry(entry, refuse), `${source}, entry ${quoted(name)}`);
    arrays.set(name.slice(0, -SUFFIX.length), array);
  }
  return arrays;
}
