/**
 * MNIST and its relatives (Fashion-MNIST, KMNIST) in IDX files, as
 * https://yann.lecun.com/exdb/mnist specifies them: grey images become three equal channels and are
 * padded with black to 32x32.
 */

import { FormatError, messageOf } from "../errors.ts";
import { CHANNELS, type Dataset, type ImageSet } from "./image_set.ts";
import { chosenIndices, isWanted, type LoadOptions, noImages } from "./load_options.ts";
import { kindOf } from "./paths.ts";

const SIDE = 32;
/** All of MNIST's training images are 47,040,016 bytes. */
const MAXIMUM_BYTES = 256 * 1024 * 1024;
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
 * `t10k-labels-...` in the folder `path`, with or without `.gz`. Throws {@linkcode FormatError} for
 * missing or damaged files, images beyond 32x32, and labels that are no class or too many or few.
 */
export async function loadIdx(
  name: string,
  classNames: readonly string[],
  path: string,
  options: LoadOptions = {},
): Promise<Dataset> {
  const load = (prefix: string, chosen: LoadOptions) =>
    loadPart(`${path}/${prefix}`, classNames.length, chosen);
  return {
    name,
    classNames,
    train: isWanted("train", options) ? await load("train", options) : noImages(SIDE),
    test: isWanted("test", options) ? await load("t10k", {}) : noImages(SIDE),
  };
}

async function loadPart(
  prefix: string,
  classes: number,
  options: LoadOptions,
): Promise<ImageSet> {
  const images = await readFile(`${prefix}-images-idx3-ubyte`, 3);
  const labels = await readFile(`${prefix}-labels-idx1-ubyte`, 1);
  const [count, height, width] = images.shape as [number, number, number];
  if (labels.shape[0] !== count) {
    throw new FormatError(
      `cannot read ${prefix}-labels-idx1-ubyte: found ${labels.shape[0]} labels, ` +
        `expected ${count}, one an image`,
    );
  }
  if (height > SIDE || width > SIDE) {
    throw new FormatError(
      `cannot read ${prefix}-images-idx3-ubyte: found images of ${width} x ${height} pixels, ` +
        `expected at most ${SIDE} x ${SIDE}`,
    );
  }
  const bad = labels.bytes.findIndex((label) => label >= classes);
  if (bad >= 0) {
    throw new FormatError(
      `cannot read ${prefix}-labels-idx1-ubyte: found label ${
        labels.bytes[bad]
      } for image ${bad}, ` +
        `expected 0 to ${classes - 1}`,
    );
  }
  const indices = chosenIndices(options, count);
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
  return set;
}

/** Parses an IDX file of unsigned bytes; `source` names it in messages. */
export function parseIdx(bytes: Uint8Array, dimensions: number, source: string): IdxArray {
  const refuse = (found: string, expected: string) =>
    new FormatError(`cannot read IDX file ${source}: found ${found}, expected ${expected}`);
  const start = 4 + 4 * dimensions;
  if (bytes.length < start) throw refuse(`${bytes.length} bytes`, `at least ${start}`);
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
  const size = shape.reduce((product, length) => product * length, 1);
  if (size !== bytes.length - start || size === 0) {
    throw refuse(`${bytes.length - start} bytes for ${shape.join(" x ")}`, `${size}, and some`);
  }
  return { shape, bytes: bytes.subarray(start) };
}

async function readFile(path: string, dimensions: number): Promise<IdxArray> {
  if (await kindOf(path) === "file") {
    return parseIdx(await readBounded((await Deno.open(path)).readable, path), dimensions, path);
  }
  const packed = `${path}.gz`;
  if (await kindOf(packed) !== "file") {
    throw new FormatError(
      `cannot find ${path}: looked for it and for ${packed}, expected the four files of the set`,
    );
  }
  const stream = (await Deno.open(packed)).readable.pipeThrough(new DecompressionStream("gzip"));
  return parseIdx(await readBounded(stream, packed), dimensions, packed);
}

async function readBounded(stream: ReadableStream<Uint8Array>, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let total = 0;
  try {
    for await (const chunk of stream) {
      total += chunk.length;
      if (total > MAXIMUM_BYTES) {
        throw new FormatError(
          `cannot read ${path}: found more than ${MAXIMUM_BYTES} bytes, expected fewer`,
        );
      }
      chunks.push(new Uint8Array(chunk));
    }
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const found = messageOf(error);
    throw new FormatError(
      `cannot read ${path}: found damaged data (${found}), expected a complete gzip file`,
      { cause: error },
    );
  }
  return await new Blob(chunks).bytes();
}
