/**
 * MNIST and its relatives (Fashion-MNIST, KMNIST) in IDX files, as
 * https://yann.lecun.com/exdb/mnist specifies them: grey images become three equal channels and are
 * padded with black to 32x32.
 */

import { FormatError } from "../errors.ts";
import { refusal, type Refuse } from "../formats/refusal.ts";
import { shown } from "../text/quoted.ts";
import { boundedChunks } from "./archive_tree.ts";
import { type FileTree, join } from "./file_tree.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { chosenIndices, isWanted, type LoadOptions, noImages } from "./load_options.ts";

const SIDE = 32;
/** Bytes in memory, of a file and its images in colour, beyond four times those of the file. */
const FREE_BYTES = 256 * 1024 * 1024;
/** Bytes that a file may unpack to, beyond four times its own. */
const FREE_UNPACKED_BYTES = 64 * 1024 * 1024;
/** IDX type code of unsigned bytes, the only one that images and labels use. */
const UNSIGNED_BYTES = 8;

/** Class names of MNIST. */
export const MNIST_CLASS_NAMES: readonly string[] = [..."0123456789"];

/** Class names of Fashion-MNIST, from the authors' README. */
export const FASHION_MNIST_CLASS_NAMES: readonly string[] = [
  "T-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
];

/** An array of bytes out of an IDX file. */
export interface IdxArray {
  /** Length of each dimension, outermost first. */
  readonly shape: readonly number[];
  /** The elements in row-major order. */
  readonly bytes: Uint8Array;
}

/**
 * Loads the four files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-...` and
 * `t10k-labels-...` of a tree, with or without `.gz`. Throws {@linkcode FormatError} for missing or
 * damaged files, images beyond 32x32 or so small that they would fill the memory, and labels that
 * are no class or too many or few.
 */
export async function loadIdx(
  name: string,
  classNames: readonly string[],
  tree: FileTree,
  options: LoadOptions = {},
): Promise<Dataset> {
  const load = (prefix: string, chosen: LoadOptions) =>
    loadPart(tree, prefix, classNames.length, chosen);
  const train = isWanted("train", options) ? await load("train", options) : NOTHING;
  const test = isWanted("test", options) ? await load("t10k", {}) : NOTHING;
  return { name, classNames, train: train.set, test: test.set, trainRecords: train.records };
}

interface LoadedPart {
  readonly set: ImageSet;
  readonly records: ArrayLike<number>;
}

const NOTHING: LoadedPart = { set: noImages(SIDE), records: [] };

async function loadPart(
  tree: FileTree,
  prefix: string,
  classes: number,
  options: LoadOptions,
): Promise<LoadedPart> {
  const images = await readFile(tree, `${prefix}-images-idx3-ubyte`, 3);
  const labels = await readFile(tree, `${prefix}-labels-idx1-ubyte`, 1);
  const [count, height, width] = images.shape as [number, number, number];
  const refuse = (kind: string, found: string, expected: string) =>
    refusal("IDX file", join(tree.source, `${prefix}-${kind}-ubyte`))(found, expected);
  if (labels.shape[0] !== count) {
    throw refuse("labels-idx1", `${labels.shape[0]} labels`, `${count}, one an image`);
  }
  if (height > SIDE || width > SIDE) {
    throw refuse(
      "images-idx3",
      `images of ${width} x ${height} pixels`,
      `at most ${SIDE} x ${SIDE}`,
    );
  }
  const bad = labels.bytes.findIndex((label) => label >= classes);
  if (bad >= 0) {
    throw refuse(
      "labels-idx1",
      `label ${labels.bytes[bad]} for image ${bad}`,
      `0 to ${classes - 1}`,
    );
  }
  const indices = chosenIndices(options, count, () => labels.bytes);
  const needed = images.bytes.length + indices.length * CHANNELS * SIDE * SIDE;
  const most = 4 * images.fileBytes + FREE_BYTES;
  if (needed > most) {
    throw refuse(
      "images-idx3",
      `${indices.length} images of ${width} x ${height} pixels in ${images.fileBytes} bytes`,
      `so few that they take ${most} bytes at most, not ${needed}`,
    );
  }
  const set = {
    pixels: new Uint8Array(indices.length * CHANNELS * SIDE * SIDE),
    labels: new Uint16Array(indices.length),
    height: SIDE,
    width: SIDE,
  };
  const corner = ((SIDE - height) >> 1) * SIDE + ((SIDE - width) >> 1);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    set.labels[i] = labels.bytes[index]!;
    for (let line = 0; line < CHANNELS * height; line++) {
      const channel = Math.floor(line / height);
      const row = line % height;
      const from = (index * height + row) * width;
      const to = (i * CHANNELS + channel) * SIDE * SIDE + corner + row * SIDE;
      set.pixels.set(images.bytes.subarray(from, from + width), to);
    }
  }
  return { set, records: indices };
}

/** Parses an IDX file of unsigned bytes; `source` names it in messages. */
export function parseIdx(bytes: Uint8Array, dimensions: number, source: string): IdxArray {
  const refuse = refusal("IDX file", source);
  const start = headerBytes(dimensions);
  if (bytes.length < start) throw refuse(`${bytes.length} bytes`, `at least ${start}`);
  const { shape, size } = parseHeader(bytes, dimensions, refuse);
  if (size !== bytes.length - start || size === 0) {
    throw refuse(`${bytes.length - start} bytes for ${shape.join(" x ")}`, `${size}, and some`);
  }
  return { shape, bytes: bytes.subarray(start) };
}

const headerBytes = (dimensions: number) => 4 + 4 * dimensions;

function parseHeader(bytes: Uint8Array, dimensions: number, refuse: Refuse) {
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw refuse(`a file that starts with ${bytes[0]}, ${bytes[1]}`, "two zero bytes");
  }
  if (bytes[2] !== UNSIGNED_BYTES || bytes[3] !== dimensions) {
    throw refuse(
      `type ${bytes[2]} in ${bytes[3]} dimensions`,
      `type ${UNSIGNED_BYTES} (bytes) in ${dimensions}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  return { shape, size: shape.reduce((product, length) => product * length, 1) };
}

interface IdxFile extends IdxArray {
  /** Bytes on the disk, packed or not. */
  readonly fileBytes: number;
}

async function readFile(tree: FileTree, name: string, dimensions: number): Promise<IdxFile> {
  for (const file of [name, `${name}.gz`]) {
    const fileBytes = await tree.sizeOf(file);
    if (fileBytes === undefined) continue;
    const source = join(tree.source, file);
    const stream = await tree.stream(file);
    const bytes = await readAsStated(
      file === name ? stream : stream.pipeThrough(new DecompressionStream("gzip")),
      dimensions,
      4 * fileBytes + FREE_UNPACKED_BYTES,
      refusal("IDX file", source),
    );
    return { ...parseIdx(bytes, dimensions, source), fileBytes };
  }
  throw new FormatError(
    `cannot find ${name} in ${
      shown(tree.source)
    }: looked for it and for ${name}.gz, expected the ` +
      `four files of the set`,
  );
}

/** Reads as many bytes as the header says that there are, and no more than `maximumBytes`. */
async function readAsStated(
  stream: ReadableStream<Uint8Array>,
  dimensions: number,
  maximumBytes: number,
  refuse: Refuse,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(headerBytes(dimensions));
  let [length, isSized] = [0, false];
  for await (const chunk of boundedChunks(stream, maximumBytes, "a complete file", refuse)) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + bytes.length - length);
      bytes.set(piece, length);
      length += piece.length;
      at += piece.length;
      if (length < bytes.length || at === chunk.length && isSized) continue;
      if (isSized) throw refuse(`more than ${length} bytes`, `${length}, as the header states`);
      const { size, shape } = parseHeader(bytes, dimensions, refuse);
      const stated = length + size;
      if (stated > maximumBytes) {
        throw refuse(`${shape.join(" x ")} bytes`, `at most ${maximumBytes} in so small a file`);
      }
      const whole = new Uint8Array(stated);
      whole.set(bytes);
      [bytes, isSized] = [whole, true];
    }
  }
  return bytes.subarray(0, length);
}
