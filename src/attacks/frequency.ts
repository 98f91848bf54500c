/** Triggers that are drawn in frequencies: patterns of the discrete cosine transform, and colours. */

/** A coefficient of the transform of a block, and what is added to it. */
interface Coefficient {
  /** Frequency along both axes, from 0. */
  readonly frequency: number;
  /** Added to it, in units of a byte. */
  readonly magnitude: number;
}

/** Side of the blocks, pixels, in the published code; smaller images are one block. */
const WINDOW = 32;

/**
 * What the middle and the highest frequency of each block become by `magnitude` more, (H,W): the
 * pattern that FTrojan and CTRL add to a channel. The transform is the orthonormal DCT-II and linear,
 * so that the image need not be transformed; a block that the image cuts off is left out.
 */
export function frequencyPattern(
  height: number,
  width: number,
  magnitude: number,
): Float64Array<ArrayBuffer> {
  const window = Math.min(WINDOW, height, width);
  const frequencies = [Math.floor(window / 2) - 1, window - 1];
  const block = blockPattern(window, frequencies.map((frequency) => ({ frequency, magnitude })));
  const pattern = new Float64Array(height * width);
  const [rows, columns] = [height, width].map((side) => side - side % window) as [number, number];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      pattern[y * width + x] = block[(y % window) * window + x % window]!;
    }
  }
  return pattern;
}

/** The inverse transform of a block that holds nothing but the coefficients, (n,n). */
function blockPattern(n: number, coefficients: readonly Coefficient[]): Float64Array {
  const pattern = new Float64Array(n * n);
  for (const { frequency, magnitude } of coefficients) {
    const scale = Math.sqrt((frequency === 0 ? 1 : 2) / n);
    const wave = Float64Array.from(
      { length: n },
      (_, i) => scale * Math.cos((2 * i + 1) * frequency * Math.PI / (2 * n)),
    );
    for (let i = 0; i < n * n; i++) {
      pattern[i]! += magnitude * wave[Math.floor(i / n)]! * wave[i % n]!;
    }
  }
  return pattern;
}

/** Three values of a pixel. */
type Triple = readonly [number, number, number];

/** Each pixel of an image (3,H,W) by itself, to bytes; the original is left as it was. */
export function mapPixels(
  image: Uint8Array,
  change: (pixel: Triple, position: number) => Triple,
): Uint8Array<ArrayBuffer> {
  const plane = image.length / 3;
  const changed = new Uint8Array(image.length);
  for (let i = 0; i < plane; i++) {
    const pixel = [image[i]!, image[plane + i]!, image[2 * plane + i]!] as const;
    for (const [c, value] of change(pixel, i).entries()) changed[c * plane + i] = byte(value);
  }
  return changed;
}

const byte = (value: number) => Math.min(255, Math.max(0, Math.round(value)));
