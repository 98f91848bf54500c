/** Pictures of a report: embedded in the page, and files beside it. */

import type { ByteImage } from "../formats/byte_image.ts";
import { encodePng } from "../formats/png_write.ts";
import { type Html, html } from "./html.ts";

/** A picture with its file. */
export interface Picture {
  /** Of the file, without folder and `.png`. */
  readonly name: string;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** The file's content. */
  readonly png: Uint8Array<ArrayBuffer>;
}

/** Side in pixels that small images are enlarged to, about. */
const ENLARGED_SIDE = 96;

/** Characters of a picture's name. */
const LONGEST_NAME = 80;

/** Between the tiles of a strip: a grey that both schemes of a page bear. */
const GAP = { pixels: 4, grey: 128 };

/**
 * Encodes a picture. Of its name only small letters, digits and hyphens are kept: parts of it may come
 * from files, and it becomes the name of one.
 */
export function picture(name: string, image: ByteImage): Picture {
  const kept = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, LONGEST_NAME);
  return { name: kept, width: image.width, height: image.height, png: encodePng(image) };
}

/** The embedded picture; `alt` says what is seen. */
export function embedded({ png, width, height }: Picture, alt: string): Html {
  const source = `data:image/png;base64,${png.toBase64()}`;
  return html`<img src="${source}" width="${width}" height="${height}" alt="${alt}" />`;
}

/** How often each pixel of an image is to be repeated for the image to be seen well. */
export function enlargement({ height, width }: { height: number; width: number }): number {
  return Math.max(1, Math.round(ENLARGED_SIDE / Math.max(height, width)));
}

/** The image with every pixel drawn as `factor` x `factor`. */
export function enlarged({ height, width, pixels }: ByteImage, factor: number): ByteImage {
  const [toHeight, toWidth] = [height * factor, width * factor];
  const result = new Uint8Array(3 * toHeight * toWidth);
  for (let line = 0; line < 3 * toHeight; line++) {
    const from = Math.floor(line / factor) * width;
    for (let x = 0; x < toWidth; x++) {
      result[line * toWidth + x] = pixels[from + Math.floor(x / factor)]!;
    }
  }
  return { height: toHeight, width: toWidth, pixels: result };
}

/** Images of one size next to each other. */
export function strip(images: readonly ByteImage[]): ByteImage {
  const { height, width: tile } = images[0]!;
  const width = images.length * (tile + GAP.pixels) - GAP.pixels;
  const pixels = new Uint8Array(3 * height * width).fill(GAP.grey);
  for (const [i, image] of images.entries()) {
    for (let line = 0; line < 3 * height; line++) {
      const row = image.pixels.subarray(line * tile, (line + 1) * tile);
      pixels.set(row, line * width + i * (tile + GAP.pixels));
    }
  }
  return { height, width, pixels };
}

/** Image number `index` of a set's pixels (N,3,H,W). */
export function imageOf(
  { pixels, height, width }: { pixels: Uint8Array; height: number; width: number },
  index: number,
): ByteImage {
  const size = 3 * height * width;
  return { height, width, pixels: pixels.slice(index * size, (index + 1) * size) };
}
