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
import { isPng } from "../formats/png.ts";
import { readNpy } from "../formats/npy.ts";
import { readNpz } from "../formats/npz.ts";
import { encodePng } from "../formats/png_write.ts";
import { readRegularFile } from "../formats/read_file.ts";
import { floats } from "../nn/state.ts";
import { byCodePoint } from "../text/code_points.ts";
import { quoted, shown } from "../text/quoted.ts";

const PREFIX = "data:image/png;base64,";

/** The array of an `.npz` file that holds the picture, as in the NAD authors' trigger file. */
const ARRAY = "x";

const PLANES = 3;

/** Largest trigger file that is read, 256 MiB. */
const MAXIMUM_TRIGGER_BYTES = 2 ** 28;

/** Most pictures of a folder: they all travel in the metadata of a model. */
const MAXIMUM_PICTURES = 64;

/** Names of files in a folder of pictures. */
const PICTURE_NAME = /\.(png|jpe?g|ppm|pgm|npy|npz)$/i;

/** Where a PNG file states its width and height (RFC 2083, section 11.2.1). */
const PNG_SIZE_AT = 16;

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
 * Reads a picture of the given size, or all of a folder, sorted by name, each below the one before:
 * PNG, JPEG or PPM of any size, which is resized, or a NumPy array of that very size, (3,H,W), (H,W,3) or grey (H,W), of values 0..255, whose fractions are cut off.
 * Of an `.npz` file the array `x` is taken.
 *
 * @throws {FormatError} for other files.
 */
export async function readPicture(path: string, size: Size): Promise<string> {
  if (await kindOf(path) !== "folder") return pictureText(await readOne(path, size));
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    // What file managers leave behind is hidden, or has another ending.
    if (!isDirectory && !name.startsWith(".") && PICTURE_NAME.test(name)) names.push(name);
  }
  if (names.length === 0 || names.length > MAXIMUM_PICTURES) {
    throw new FormatError(
      `cannot use the folder ${shown(path)} as a trigger: found ${names.length} pictures, ` +
        `expected 1 to ${MAXIMUM_PICTURES}`,
    );
  }
  const pictures: ByteImage[] = [];
  for (const name of names.sort(byCodePoint)) pictures.push(await readOne(`${path}/${name}`, size));
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
        `cannot use ${shown(path)} as a trigger: found the arrays ${
          quoted([...arrays.keys()].join(", "))
        }, expected one named ${ARRAY}`,
      );
    }
    return pictureOfArray(array, path, size);
  }
  const image = decodeImage(bytes, path);
  const pixels = resizeImage(image.pixels, image.height, image.width, height, width);
  return { height, width, pixels };
}

/**
 * The picture that an option holds, (3,H,W), or a column of several; `undefined` where the option is
 * not given.
 *
 * @throws {UsageError} where it is no picture.
 * @throws {FormatError} where it is damaged or has another size.
 */
export function pictureOption(
  options: Readonly<Record<string, string>>,
  name: string,
  size: Size,
  pictures: "one" | "column" = "one",
): ByteImage | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (!isPicture(value)) {
    throw new UsageError(
      `cannot set attack option ${name} to ${quoted(value)}: expected a picture as text, ` +
        `${PREFIX}...`,
    );
  }
  const bytes = decodeBase64(value.slice(PREFIX.length), name);
  const found = statedSize(bytes, name);
  const fits = found.width === size.width &&
    (pictures === "one"
      ? found.height === size.height
      : found.height > 0 && found.height % size.height === 0 &&
        found.height <= MAXIMUM_PICTURES * size.height);
  if (!fits) {
    const more = pictures === "one" ? "" : `, or up to ${MAXIMUM_PICTURES} of them in a column`;
    throw new FormatError(
      `cannot use attack option ${name}: found a picture of ${found.height}x${found.width}, ` +
        `expected ${size.height}x${size.width}${more}`,
    );
  }
  return decodeImage(bytes, name);
}

/** The size that a PNG image states: checked before anything is made as large as it says. */
function statedSize(bytes: Uint8Array, name: string): Size {
  const end = PNG_SIZE_AT + 8;
  if (!isPng(bytes) || bytes.length < end) {
    throw new FormatError(`cannot use attack option ${name}: expected a PNG image`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  return { width: view.getUint32(PNG_SIZE_AT), height: view.getUint32(PNG_SIZE_AT + 4) };
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
      `cannot use ${shown(path)} as a trigger: found an array of shape [${
        array.shape.join(", ")
      }], ` +
        `expected [3, ${height}, ${width}], [${height}, ${width}, 3] or [${height}, ${width}]`,
    );
  }
  const values = floats(array);
  const bad = values.find((value) => !(value >= 0 && value < 256));
  if (bad !== undefined) {
    throw new FormatError(
      `cannot use ${shown(path)} as a trigger: found the value ${bad}, expected 0 to 255`,
    );
  }
  const area = height * width;
  const pixels = Uint8Array.from({ length: PLANES * area }, (_, i) => {
    const [channel, at] = [Math.floor(i / area), i % area];
    return values[layout === 0 ? i : layout === 1 ? at * PLANES + channel : at]!;
  });
  return { height, width, pixels };
}
