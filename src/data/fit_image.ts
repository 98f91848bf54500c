/** Brings images to the size that a network takes, as torchvision's transforms do on Pillow images. */

import { FormatError } from "../errors.ts";
import { type ByteImage, MAXIMUM_PIXELS } from "../formats/byte_image.ts";
import { resizeImage } from "./resize.ts";

/** The size of an image. */
export interface Size {
  /** H, pixels. */
  readonly height: number;
  /** W, pixels. */
  readonly width: number;
}

/**
 * How the sides of an image become those that are wanted: `squeeze` resizes each by itself, `crop`
 * resizes until the image covers the size and cuts out its centre (`Resize` and `CenterCrop`).
 */
export type ResizeMode = "squeeze" | "crop";

/** (3,H,W) of an image that is brought to `size` by bilinear resizing with antialiasing. */
export function fitImage(
  { pixels, height, width }: ByteImage,
  size: Size,
  mode: ResizeMode = "squeeze",
): Uint8Array<ArrayBuffer> {
  if (mode === "squeeze") return resizeImage(pixels, height, width, size.height, size.width);
  const covering = coveringSize({ height, width }, size);
  if (covering.height * covering.width > MAXIMUM_PIXELS) {
    throw new FormatError(
      `cannot cut ${size.height}x${size.width} out of an image of ${height}x${width} pixels: ` +
        `expected a shape less long`,
    );
  }
  const resized = resizeImage(pixels, height, width, covering.height, covering.width);
  const top = centred(covering.height, size.height);
  const left = centred(covering.width, size.width);
  const cut = new Uint8Array(3 * size.height * size.width);
  for (let line = 0; line < 3 * size.height; line++) {
    const channel = Math.floor(line / size.height);
    const row = top + line % size.height;
    const from = (channel * covering.height + row) * covering.width + left;
    cut.set(resized.subarray(from, from + size.width), line * size.width);
  }
  return cut;
}

/** The smallest size of the same shape that covers `size`; the longer side is rounded down. */
function coveringSize(image: Size, size: Size): Size {
  const byHeight = image.width * size.height >= image.height * size.width;
  return byHeight
    ? { height: size.height, width: Math.trunc(size.height * image.width / image.height) }
    : { height: Math.trunc(size.width * image.height / image.width), width: size.width };
}

/** Where a cut of `part` out of `whole` starts: Python rounds halves to the even number. */
function centred(whole: number, part: number): number {
  const half = (whole - part) / 2;
  const below = Math.floor(half);
  return half === below || below % 2 === 0 ? below : below + 1;
}

/** Counts the sizes of images, and says what becomes of them. */
export class SizeTally {
  readonly #counts = new Map<string, number>();
  readonly #size: Size;
  readonly #mode: ResizeMode;
  #changesShape = false;

  /** For images that are brought to `size`. */
  constructor(size: Size, mode: ResizeMode = "squeeze") {
    this.#size = size;
    this.#mode = mode;
  }

  /** Counts an image. */
  add({ height, width }: Size): void {
    const key = `${height}x${width}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#changesShape ||= height * this.#size.width !== width * this.#size.height;
  }

  /**
   * A line such as `images of 224x300 pixels are brought to 32x32 (height x width), squeezed`;
   * undefined where nothing is resized.
   */
  text(): string | undefined {
    const target = `${this.#size.height}x${this.#size.width}`;
    const [first, ...others] = [...this.#counts].filter(([key]) => key !== target)
      .sort(([, a], [, b]) => b - a);
    if (first === undefined) return undefined;
    const rest = others.length === 0 ? "" : ` and ${others.length} other sizes`;
    const how = !this.#changesShape
      ? ""
      : this.#mode === "crop"
      ? ", their centre cut out"
      : ", squeezed";
    return `images of ${first[0]} pixels${rest} are brought to ${target} (height x width)${how}`;
  }
}
