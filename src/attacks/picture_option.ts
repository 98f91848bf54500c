/**
 * Pictures as values of attack options. A user names a file; what it holds then travels as a data URL
 * of a PNG image, so that the metadata of a model is all that is needed to measure its backdoor, and
 * the trigger can be looked at in any browser.
 */

import { kindOf } from "../data/paths.ts";
import { resizeImage } from "../data/resize.ts";
import { FormatError, UsageError } from "../errors.ts";
import type { ByteImage } from "../formats/byte_image.ts";
import type { HostTensor } from "../formats/host_tensor.ts";
import { decodeImage } from "../formats/images.ts";
import { readNpy } from "../formats/npy.ts";
import { readNpz } from "../formats/npz.ts";
import { encodePng } from "../formats/png_write.ts";
import { readRegularFile } from "../formats/read_file.ts";
import { floats } from "../nn/state.ts";

const PREFIX = "data:image/png;base64,";

/** The array of an `.npz` file that holds the picture, as in the NAD authors' trigger file. */
const ARRAY = "x";

const PLANES = 3;

/** Largest trigger file that is read, 256 MiB. */
const MAXIMUM_TRIGGER_BYTES = 2 ** 28;

/** Most pictures of a folder: they all travel in the metadata of a model. */
const MAXIMUM_PICTURES = 64;

/** H and W in pixels. */
interface Size {
  readonly height: number;
  readonly width: number;
}

/** Whether the value of an option is a picture and not the name of its file. */
export function isPicture(value: string): boolean {
  return value.startsWith(PREFIX);
}

/** A picture as text. */
export function pictureText(picture: ByteImage): string {
  return PREFIX + encodePng(picture).toBase64();
}

/**
 * Reads a picture of the given size, or all of a folder, sorted by name, each below the one before: PNG, JPEG or PPM of any size, which is resized, or a NumPy array
 * of that very size, (3,H,W), (H,W,3) or grey (H,W), of values 0..255, whose fractions are cut off.
 * Of an `.npz` file the array `x` is taken.
 *
 * @throws {FormatError} for other files.
 */
export async function readPicture(path: string, size: Size): Promise<string> {
  if (await kindOf(path) !== "folder") return pictureText(await readOne(path, size));
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(path)) if (isFile) names.push(name);
  if (names.length === 0 || names.length > MAXIMUM_PICTURES) {
    throw new FormatError(
      `cannot use the folder ${path} as a trigger: found ${names.length} files, ` +
        `expected 1 to ${MAXIMUM_PICTURES} pictures`,
    );
  }
  const pictures: ByteImage[] = [];
  for (const name of names.sort()) pictures.push(await readOne(`${path}/${name}`, size));
  return pictureText(stack(pictures));
}

/** Pictures of one size as one, each below the one before. */
function stack(pictures: readonly ByteImage[]): ByteImage {
  const { height, width } = pictures[0]!;
  const area = height * width;
  const pixels = new Uint8Array(pictures.length * PLANES * area);
  for (const [i, picture] of pictures.entries()) {
    for (let channel = 0; channel < PLANES; channel++) {
      const plane = picture.pixels.subarray(channel * area, (channel + 1) * area);
      pixels.set(plane, (channel * pictures.length + i) * area);
    }
  }
  return { height: pictures.length * height, width, pixels };
}

async function readOne(path: string, size: Size): Promise<ByteImage> {
  const bytes = await readRegularFile(path, {
    what: "the trigger file",
    limit: MAXIMUM_TRIGGER_BYTES,
  });
  const { height, width } = size;
  if (bytes[0] === 0x93) {
    return pictureOfArray(readNpy(bytes, path), path, size);
  }
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    const arrays = readNpz(bytes, path);
    const array = arrays.get(ARRAY);
    if (!array) {
      throw new FormatError(
        `cannot use ${path} as a trigger: found the arrays ${[...arrays.keys()].join(", ")}, ` +
          `expected one named ${ARRAY}`,
      );
    }
    return pictureOfArray(array, path, size);
  }
  const image = decodeImage(bytes, path);
  const pixels = resizeImage(image.pixels, image.height, image.width, height, width);
  return { height, width, pixels };
}

/**
 * The picture that an option holds, (3,H,W); `undefined` where the option is not given.
 *
 * @throws {UsageError} where it is no picture.
 * @throws {FormatError} where it is damaged or has another size.
 */
export function pictureOption(
  options: Readonly<Record<string, string>>,
  name: string,
  size?: Size,
): ByteImage | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (!isPicture(value)) {
    throw new UsageError(
      `cannot set attack option ${name} to "${
        value.slice(0, 80)
      }": expected the content of a file, ` +
        `${PREFIX}...`,
    );
  }
  const picture = decodeImage(decodeBase64(value.slice(PREFIX.length), name), name);
  if (size && (picture.height !== size.height || picture.width !== size.width)) {
    throw new FormatError(
      `cannot use attack option ${name}: found a picture of ${picture.height}x${picture.width}, ` +
        `expected ${size.height}x${size.width}`,
    );
  }
  return picture;
}

function decodeBase64(text: string, name: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    throw new FormatError(`cannot use attack option ${name}: its picture is no base64`, {
      cause: error,
    });
  }
}

/** An array as a picture. */
function pictureOfArray(array: HostTensor, path: string, { height, width }: Size): ByteImage {
  const layout = [[PLANES, height, width], [height, width, PLANES], [height, width]]
    .findIndex((shape) => shape.join() === array.shape.join());
  if (layout < 0) {
    throw new FormatError(
      `cannot use ${path} as a trigger: found an array of shape [${array.shape.join(", ")}], ` +
        `expected [3, ${height}, ${width}], [${height}, ${width}, 3] or [${height}, ${width}]`,
    );
  }
  const values = floats(array);
  const bad = values.find((value) => !(value >= 0 && value < 256));
  if (bad !== undefined) {
    throw new FormatError(
      `cannot use ${path} as a trigger: found the value ${bad}, expected 0 to 255`,
    );
  }
  const area = height * width;
  const pixels = Uint8Array.from({ length: PLANES * area }, (_, i) => {
    const [channel, at] = [Math.floor(i / area), i % area];
    return values[layout === 0 ? i : layout === 1 ? at * PLANES + channel : at]!;
  });
  return { height, width, pixels };
}
