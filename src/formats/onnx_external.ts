/** Tensors whose elements lie in a file beside the model (TensorProto's `external_data`). */

import type { Refuse } from "./refusal.ts";
import { quoted } from "../text/quoted.ts";

/**
 * Where a tensor lies in another file. Its name must be a plain one, of a file next to the model:
 * names with folders have been used to read what a model has no business with (CVE-2022-25882,
 * CVE-2024-27318).
 */
export function externalData(
  entries: ReadonlyMap<string, string>,
  bytes: number,
  title: string,
  refuse: Refuse,
): { readonly file: string; readonly start: number } {
  const file = entries.get("location") ?? "";
  // deno-lint-ignore no-control-regex -- a name with a NUL means another file to the system
  if (file === "" || file === "." || file === ".." || /[/\\:\x00-\x1f]/.test(file)) {
    throw refuse(
      `${title} in the file ${quoted(file)}`,
      "the plain name of a file beside the model",
    );
  }
  const number = (key: string, missing: number) => {
    const text = entries.get(key);
    if (text === undefined) return missing;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value)) throw refuse(`${title} with ${key} ${quoted(text)}`, "bytes");
    return value;
  };
  const start = number("offset", 0);
  const length = number("length", bytes);
  if (length !== bytes) throw refuse(`${title} with ${length} bytes outside`, `${bytes}`);
  return { file, start };
}
