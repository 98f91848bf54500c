/** NumPy's archives of arrays: a ZIP file of `.npy` files, stored or deflated. */

import { quoted } from "../text/quoted.ts";
import type { StateDict } from "./host_tensor.ts";
import { readNpy } from "./npy.ts";
import { refusal } from "./refusal.ts";
import { extractZipEntry, readZipDirectory } from "./zip.ts";

/** Most bytes after decompression, beside four times the file: 64 MiB, since masks pack well. */
const MAXIMUM_NPZ_BYTES = 2 ** 26;

/** Most arrays of an archive. */
const MAXIMUM_ARRAYS = 1000;

const SUFFIX = ".npy";

/**
 * The arrays of an archive by name, without `.npy`. `source` names the file in messages. Throws
 * {@linkcode FormatError} for entries that are not arrays, archives of too many arrays
 * or that would decompress to too much, and anything that {@linkcode readNpy} refuses.
 */
export function readNpz(bytes: Uint8Array, source: string): StateDict {
  const refuse = refusal("NumPy archive", source);
  const entries = readZipDirectory(bytes, refuse);
  let total = 0;
  for (const { size } of entries.values()) total += size;
  const allowed = MAXIMUM_NPZ_BYTES + 4 * bytes.length;
  if (total > allowed) {
    throw refuse(`${total} bytes after decompression`, `at most ${allowed}`);
  }
  if (entries.size > MAXIMUM_ARRAYS) {
    throw refuse(`${entries.size} arrays`, `at most ${MAXIMUM_ARRAYS}`);
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
