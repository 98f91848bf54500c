/**
 * How the L lanes of a subgroup share the pixels of an image row, in WGSL text. Pixels are loaded in
 * runs: the run is cut into vectors of up to four neighbours ("slots"), slot s sits in lane s mod L
 * of load s div L, and every pixel is then a broadcast away from all lanes.
 *
 * Software drivers make a memory access of a subgroup a loop over its lanes, at a cost that depends
 * neither on the addresses nor much on the vector size, and broadcasts cost next to nothing.
 */

import type { KernelCapabilities } from "../kernel.ts";

/** Lanes of the subgroups that these kernels are written for: vectors of 256 and of 512 bits. */
export type Lanes = 8 | 16;

/** The lanes of the device's subgroups; undefined where these kernels are not for it. */
export function lanesOf({ subgroupSize }: KernelCapabilities): Lanes | undefined {
  return subgroupSize === 8 || subgroupSize === 16 ? subgroupSize : undefined;
}

/** Floats that one lane loads or stores at once. */
export type VectorSize = 1 | 2 | 4;

/** Largest vector size that divides all of `extents`. */
export function vectorSize(...extents: readonly number[]): VectorSize {
  const sizes: readonly VectorSize[] = [4, 2, 1];
  return sizes.find((size) => extents.every((extent) => extent % size === 0)) ?? 1;
}

/** WGSL type of `size` floats. */
export function vectorType(size: VectorSize): string {
  return size === 1 ? "f32" : `vec${size}f`;
}

/** WGSL for element `index` of the vector `name` of `size` floats. */
export function component(name: string, size: VectorSize, index: number): string {
  return size === 1 ? name : `${name}.${"xyzw"[index]}`;
}

/** WGSL for a vector of the given floats. */
export function vectorOf(elements: readonly string[]): string {
  return elements.length === 1 ? elements[0]! : `vec${elements.length}f(${elements.join(", ")})`;
}

/** `line(0) ... line(count - 1)`: unrolled WGSL. */
export function unroll(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join("\n");
}

/** Divisors of `value` that are at most `limit`, the largest first. */
export function divisors(value: number, limit: number): number[] {
  const found: number[] = [];
  for (let divisor = Math.min(value, limit); divisor >= 1; divisor--) {
    if (value % divisor === 0) found.push(divisor);
  }
  return found;
}

/** Broadcasts of the floats of a run whose slots are in variables `${prefix}0`, `${prefix}1`, ... */
export class BroadcastRun {
  readonly #declared = new Set<number>();
  readonly #statements: string[] = [];

  /** A run of slots of `size` floats; `prefix` must be unique in its WGSL scope. */
  constructor(readonly prefix: string, readonly size: VectorSize, readonly lanes: Lanes) {}

  /** WGSL variable that holds float `index` of the run in all lanes. */
  at(index: number): string {
    const name = `${this.prefix}b${index}`;
    if (!this.#declared.has(index)) {
      this.#declared.add(index);
      const slot = Math.floor(index / this.size);
      const load = `${this.prefix}${Math.floor(slot / this.lanes)}`;
      const value = component(load, this.size, index % this.size);
      this.#statements.push(`let ${name} = subgroupBroadcast(${value}, ${slot % this.lanes}u);`);
    }
    return name;
  }

  /** Declarations of the variables asked for since the last call. */
  declarations(): string {
    return this.#statements.splice(0).join("\n");
  }
}
