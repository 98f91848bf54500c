/** Pooling of planes (P,H,W) in float64: each output element from the list of pixels it covers. */

/** Planes and what becomes of them. */
export interface ReferencePool {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  /** Rows of the window of output row `o`, from and up to but not including; columns likewise. */
  readonly rows: (o: number) => readonly [from: number, to: number];
  readonly columns: (o: number) => readonly [from: number, to: number];
}

/** A window of fixed size without padding. */
export function windowPool(
  planes: number,
  height: number,
  width: number,
  window: number,
  stride: number,
): ReferencePool {
  const covered = (o: number) => [o * stride, o * stride + window] as const;
  return {
    planes,
    height,
    width,
    outHeight: Math.floor((height - window) / stride) + 1,
    outWidth: Math.floor((width - window) / stride) + 1,
    rows: covered,
    columns: covered,
  };
}

/** One window that covers the whole plane. */
export function globalPool(planes: number, height: number, width: number): ReferencePool {
  const whole = { rows: () => [0, height] as const, columns: () => [0, width] as const };
  return { planes, height, width, outHeight: 1, outWidth: 1, ...whole };
}

/** The windows of `torch.nn.functional.adaptive_avg_pool2d`. */
export function adaptivePool(
  planes: number,
  height: number,
  width: number,
  outHeight: number,
  outWidth: number,
): ReferencePool {
  const covered = (input: number, output: number) => (o: number) =>
    [Math.floor(o * input / output), Math.ceil((o + 1) * input / output)] as const;
  return {
    planes,
    height,
    width,
    outHeight,
    outWidth,
    rows: covered(height, outHeight),
    columns: covered(width, outWidth),
  };
}

/** For every output element the indices of the input elements that its window covers. */
function windows(pool: ReferencePool): number[][] {
  const { planes, height, width, outHeight, outWidth } = pool;
  const result: number[][] = [];
  for (let plane = 0; plane < planes; plane++) {
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        const covered: number[] = [];
        const [top, bottom] = pool.rows(row);
        const [left, right] = pool.columns(column);
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) covered.push((plane * height + y) * width + x);
        }
        result.push(covered);
      }
    }
  }
  return result;
}

/** The mean of each window. */
export function averagePool(pool: ReferencePool, x: ArrayLike<number>): Float64Array {
  return Float64Array.from(
    windows(pool),
    (covered) => covered.reduce((sum, i) => sum + x[i]!, 0) / covered.length,
  );
}

/** dx of {@linkcode averagePool}. */
export function averagePoolGradient(pool: ReferencePool, dy: ArrayLike<number>): Float64Array {
  const dx = new Float64Array(pool.planes * pool.height * pool.width);
  for (const [o, covered] of windows(pool).entries()) {
    for (const i of covered) dx[i]! += dy[o]! / covered.length;
  }
  return dx;
}

/** The first of the largest elements of each window, by index. */
function largest(covered: readonly number[], x: ArrayLike<number>): number {
  return covered.reduce((best, i) => x[i]! > x[best]! ? i : best);
}

/** The largest value of each window. */
export function maxPool(pool: ReferencePool, x: ArrayLike<number>): Float64Array {
  return Float64Array.from(windows(pool), (covered) => x[largest(covered, x)]!);
}

/** dx of {@linkcode maxPool}: all of it to the first of the largest. */
export function maxPoolGradient(
  pool: ReferencePool,
  x: ArrayLike<number>,
  dy: ArrayLike<number>,
): Float64Array {
  const dx = new Float64Array(pool.planes * pool.height * pool.width);
  for (const [o, covered] of windows(pool).entries()) dx[largest(covered, x)]! += dy[o]!;
  return dx;
}
