/** Corruption of a batch in float64, one image after the other. */

import type { Corruption } from "../../shaders/corruption.ts";
import { pcg4d, RandomPurpose } from "../../src/data/random.ts";

const unit = (word: number) => (word >>> 8) / 2 ** 24;

/** A batch of pixels in [0,1], (N,3,H,W), and where its random numbers come from. */
export interface CorruptionCase {
  readonly records: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly epoch: number;
  readonly seed: number;
}

/** The corrupted batch. */
export function corrupt(
  images: ArrayLike<number>,
  { records, height, width, epoch, seed }: CorruptionCase,
  { mix, wave, patch }: Corruption,
): Float64Array {
  const plane = height * width;
  const size = 3 * plane;
  const result = Float64Array.from(images);
  for (const [n, record] of records.entries()) {
    const draw = (i: number) => pcg4d(epoch, record, RandomPurpose.corruption + 256 * i, seed);
    const image = result.subarray(n * size, (n + 1) * size);
    const other = (word: number) => {
      const first = word % records.length * size;
      return Array.from({ length: size }, (_, j) => images[first + j]!);
    };
    const noise = Array.from(
      { length: size },
      (_, j) => unit(draw(5 + j % plane)[Math.floor(j / plane)]!),
    );

    const m = draw(0);
    if (unit(m[0]) < mix.probability) {
      const share = mix.strength * unit(m[1]);
      const partner = m[3] >>> 31 === 0 ? other(m[2]) : noise;
      for (let j = 0; j < size; j++) image[j] = (1 - share) * image[j]! + share * partner[j]!;
    }

    const v = draw(1);
    if (unit(v[0]) < wave.probability) {
      const direction = 2 * Math.PI * unit(v[3]);
      const phase = unit(draw(2)[0]);
      for (let j = 0; j < size; j++) {
        const row = Math.floor(j % plane / width);
        const column = j % width;
        const along = (row * Math.sin(direction) + column * Math.cos(direction)) / 32;
        const sine = Math.sin(2 * Math.PI * (16 * unit(v[2]) * along + phase));
        image[j] = Math.min(1, Math.max(0, image[j]! + wave.amplitude * unit(v[1]) * sine));
      }
    }

    const p = draw(3);
    if (unit(p[0]) < patch.probability) {
      const q = draw(4);
      const sides = [2 + p[1] % (patch.size - 1), 2 + p[2] % (patch.size - 1)] as const;
      const top = q[0] % (height + 1 - sides[0]);
      const left = q[1] % (width + 1 - sides[1]);
      const pasted = q[2] >>> 31 === 0 ? other(p[3]) : noise.map(Math.round);
      for (let c = 0; c < 3; c++) {
        for (let row = top; row < top + sides[0]; row++) {
          for (let column = left; column < left + sides[1]; column++) {
            const j = (c * height + row) * width + column;
            image[j] = pasted[j]!;
          }
        }
      }
    }
  }
  return result;
}
