/**
 * Random disturbances of training images that leave their class readable: another image or noise
 * blended in, a plane wave added, a patch pasted. A network that is to give the same answer with and
 * without them cannot rely on a pattern that is blended in, added or pasted, whichever it is.
 *
 * Mixing follows Zhang et al., "mixup" (ICLR 2018), but the label stays; patches follow Yun et al.,
 * "CutMix" (ICCV 2019), likewise; waves are the Fourier basis of Yin et al., "A Fourier Perspective on
 * Model Robustness in Computer Vision" (NeurIPS 2019). Randomness is a pure function of (seed, epoch,
 * record) and, for a partner, of its place in the batch.
 */

import { elementwise } from "./elementwise.ts";
import { PCG4D, type Preprocessing } from "./gather.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { RandomPurpose } from "./random_purpose.ts";
import { STATE_WORDS } from "./state.ts";

/** Which disturbances, how often and how strong; each image throws its own coin for each. */
export interface Corruption {
  /** (1 - a) x + a m, with a uniform in [0, strength) and m another image of the batch or noise. */
  readonly mix: { readonly probability: number; readonly strength: number };
  /** A sine of random direction, phase, frequency up to 16 periods, amplitude up to this. */
  readonly wave: { readonly probability: number; readonly amplitude: number };
  /** A rectangle with sides of 2 to `size` pixels of another image or of black and white noise. */
  readonly patch: { readonly probability: number; readonly size: number };
}

/** Most periods of a wave over 32 pixels. */
const HIGHEST_FREQUENCY = 16;

/** What is corrupted. */
export interface CorruptionGeometry {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Entries of the index buffer: steps times batch. */
  readonly indices: number;
}

/**
 * x (N,3,H,W) as the network sees it, indices (steps,N), state -> the corrupted images (N,3,H,W),
 * each pixel clamped to what a byte can be.
 *
 * Word j of draw i for a record is component j of `pcg4d(epoch, record, 11 + 256 i, seed)`: draw 0 for
 * mixing, 1 and 2 for the wave, 3 and 4 for the patch, 5 + pixel for noise.
 */
export function corruptionKernel(
  { batch, height, width, indices }: CorruptionGeometry,
  { mix, wave, patch }: Corruption,
  { mean, deviation }: Preprocessing,
): Kernel {
  const plane = height * width;
  const vector = (values: readonly number[]) => `vec3f(${values.map((v) => `f32(${v})`).join()})`;
  const elements = 3 * batch * plane;
  return elementwise(
    `corrupt ${batch}x3x${height}x${width}`,
    batch * plane,
    `${
      declareBindings([
        { name: "x", elements },
        { name: "indices", elements: indices, type: "u32" },
        { name: "state", elements: STATE_WORDS, type: "u32" },
      ], [{ name: "y", elements }])
    }
${PCG4D}
fn draw(record: u32, i: u32) -> vec4u {
  return pcg4d(vec4u(state[1], record, ${RandomPurpose.corruption}u + 256u * i, state[2]));
}
fn unit(word: u32) -> f32 { return f32(word >> 8u) / 16777216.0; }
fn image(n: u32, pixel: u32) -> vec3f {
  let first = n * ${3 * plane}u + pixel;
  return vec3f(x[first], x[first + ${plane}u], x[first + ${2 * plane}u]) * ${vector(deviation)} +
    ${vector(mean)};
}`,
    `let n = i / ${plane}u;
    let pixel = i % ${plane}u;
    let row = pixel / ${width}u;
    let column = pixel % ${width}u;
    let record = indices[state[0] * ${batch}u + n] & 0x7fffffffu;
    let noise = vec3f(draw(record, 5u + pixel).xyz >> vec3u(8u)) / 16777216.0;
    var value = image(n, pixel);

    let m = draw(record, 0u);
    if (unit(m.x) < f32(${mix.probability})) {
      let share = f32(${mix.strength}) * unit(m.y);
      let other = select(noise, image(m.z % ${batch}u, pixel), (m.w >> 31u) == 0u);
      value = (1.0 - share) * value + share * other;
    }

    let v = draw(record, 1u);
    if (unit(v.x) < f32(${wave.probability})) {
      let amplitude = f32(${wave.amplitude}) * unit(v.y);
      let frequency = f32(${HIGHEST_FREQUENCY}) * unit(v.z);
      let direction = ${2 * Math.PI} * unit(v.w);
      let along = (f32(row) * sin(direction) + f32(column) * cos(direction)) / 32.0;
      let phase = unit(draw(record, 2u).x);
      value += amplitude * sin(${2 * Math.PI} * fract(frequency * along + phase));
      value = clamp(value, vec3f(0.0), vec3f(1.0));
    }

    let p = draw(record, 3u);
    if (unit(p.x) < f32(${patch.probability})) {
      let q = draw(record, 4u);
      let sides = 2u + vec2u(p.y % ${patch.size - 1}u, p.z % ${patch.size - 1}u);
      let corner = q.xy % (vec2u(${height}u, ${width}u) + 1u - sides);
      let inside = (vec2u(row, column) >= corner) & (vec2u(row, column) < corner + sides);
      if (all(inside)) {
        let other = image(p.w % ${batch}u, pixel);
        value = select(round(noise), other, (q.z >> 31u) == 0u);
      }
    }

    let seen = (value - ${vector(mean)}) / ${vector(deviation)};
    let first = n * ${3 * plane}u + pixel;
    y[first] = seen.x;
    y[first + ${plane}u] = seen.y;
    y[first + ${2 * plane}u] = seen.z;`,
  );
}
