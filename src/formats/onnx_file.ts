/** ONNX models on disk: the file, and the files beside it that hold its tensors. */

import { FormatError } from "../errors.ts";
import { type OnnxModel, readOnnx } from "./onnx.ts";
import type { OnnxTensor } from "./onnx_tensor.ts";
import { readFailure } from "./read_file.ts";
import { quoted } from "../text/quoted.ts";

/** Most bytes of a model with all its files: 2 GiB, as for other checkpoints. */
const MAXIMUM_BYTES = 2 ** 31;

/** All tensors of the model: initializers and those of Constant nodes. */
function* tensors(model: OnnxModel): Iterable<OnnxTensor> {
  yield* model.initializers.values();
  for (const { attributes } of model.nodes) {
    for (const attribute of attributes.values()) {
      if (attribute.kind === "tensor") yield attribute.value;
    }
  }
}

/** Names of the files beside the model that hold tensors. */
export function externalNames(model: OnnxModel): string[] {
  const names = new Set<string>();
  for (const { data } of tensors(model)) {
    if (data.kind === "runs" && data.file !== "") names.add(data.file);
  }
  return [...names];
}

/** The folder of a path and what follows it; both separators of the system count. */
function folderOf(path: string): string {
  const cut = Math.max(
    path.lastIndexOf("/"),
    Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1,
  );
  return cut < 0 ? "." : path.slice(0, cut + 1);
}

async function readExternal(
  folder: string,
  name: string,
  room: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${folder}/${name}`;
  const { isFile, size } = await Deno.stat(path);
  if (!isFile || size > room) {
    throw new FormatError(
      `cannot read ${path}: found ${isFile ? `${size} bytes` : "no file"}, ` +
        "expected a file; a model with all its files may have 2 GiB",
    );
  }
  // A link may lead out of the folder, to what a model must not read (CVE-2026-27489).
  const [real, realFolder] = [await Deno.realPath(path), await Deno.realPath(folder)];
  if (folderOf(real).replace(/[/\\]$/, "") !== realFolder.replace(/[/\\]$/, "")) {
    throw new FormatError(
      `cannot read ${path}: found a link to ${real}, expected a file in the model's folder`,
    );
  }
  return await Deno.readFile(path);
}

/**
 * Reads an ONNX model whose own bytes are at hand, with the files beside it that hold tensors.
 *
 * @param path Where the bytes came from.
 * @throws {FormatError} where the model is damaged, or a file beside it is missing, no plain file, a
 * link out of the folder, or too large.
 */
export async function readOnnxFiles(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<OnnxModel> {
  const model = readOnnx(bytes, path);
  const files = new Map(model.files);
  let room = MAXIMUM_BYTES - bytes.length;
  for (const name of externalNames(model)) {
    try {
      const external = await readExternal(folderOf(path), name, room);
      room -= external.length;
      files.set(name, external);
    } catch (error) {
      throw readFailure(`cannot read ${quoted(name)}, which holds tensors of ${path}`, error);
    }
  }
  return { ...model, files };
}
