/** What a pane of glass does to a reflected image: blur and displacement. Borders are repeated. */

/** H and W in pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** Standard deviations at which a Gaussian is cut off. */
const REACH = 3;

/** Convolves each plane of (C,H,W) with a Gaussian of `sigma` pixels. */
export function gaussianBlur(
  image: Float64Array<ArrayBuffer>,
  { height, width }: ImageSize,
  sigma: number,
): Float64Array<ArrayBuffer> {
  const radius = Math.ceil(REACH * sigma);
  const weights = Array.from(
    { length: 2 * radius + 1 },
    (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const blurLines = (from: Float64Array, step: number, length: number, lineOf: LineOf) =>
    from.map((_, i) => {
      const { start, at } = lineOf(i);
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        const place = Math.min(length - 1, Math.max(0, at + k));
        sum += weights[k + radius]! * from[start + place * step]!;
      }
      return sum / total;
    });
  const rows = blurLines(image, 1, width, (i) => ({ start: i - i % width, at: i % width }));
  return blurLines(rows, width, height, (i) => {
    const at = Math.floor(i / width) % height;
    return { start: i - at * width, at };
  });
}

/** Where the row or column of an element starts, and which of its elements it is. */
type LineOf = (i: number) => { start: number; at: number };

/** Moves each plane of (C,H,W) down and right by fractions of pixels, linearly interpolated. */
export function shift(
  image: Float64Array<ArrayBuffer>,
  { height, width }: ImageSize,
  rows: number,
  columns: number,
): Float64Array<ArrayBuffer> {
  const area = height * width;
  const clamp = (value: number, high: number) => Math.min(high, Math.max(0, value));
  return image.map((_, i) => {
    const plane = i - i % area;
    const row = clamp(Math.floor(i % area / width) - rows, height - 1);
    const column = clamp(i % width - columns, width - 1);
    const [top, left] = [Math.floor(row), Math.floor(column)];
    const [down, right] = [row - top, column - left];
    const at = (r: number, c: number) =>
      image[plane + clamp(r, height - 1) * width + clamp(c, width - 1)]!;
    const upper = (1 - right) * at(top, left) + right * at(top, left + 1);
    const lower = (1 - right) * at(top + 1, left) + right * at(top + 1, left + 1);
    return (1 - down) * upper + down * lower;
  });
}
