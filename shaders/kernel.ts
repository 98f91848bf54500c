/** What a kernel is to the rest of the project: WGSL text and how many workgroups to start. */

import type { ConvolutionFacts, ConvolutionUse } from "./convolution/use.ts";

/**
 * One compute dispatch. The entry point is `main`. Its buffers are `@group(0)`, with binding `i`
 * for the i-th buffer: the inputs first (`var<storage, read>`), then the outputs
 * (`var<storage, read_write>`), each a fixed-size array.
 */
export interface Kernel {
  /** Operation and shapes, for error messages and benchmarks. */
  readonly label: string;
  /** Complete WGSL module. */
  readonly wgsl: string;
  /**
   * Uses subgroup operations. The directive `enable subgroups;` is not part of the text: WGSL asks for
   * it, and naga refuses it, so the device layer writes it where the implementation wants it.
   */
  readonly subgroups?: boolean;
  /** Of a convolution: what it computes, and how. */
  readonly convolution?: ConvolutionFacts;
  /** Workgroups along x, y and z, each 1 to 65,535. */
  readonly workgroups: readonly [number, number, number];
}

/** A buffer that a kernel binds: its WGSL variable name, element type and element count. */
export interface Binding {
  readonly name: string;
  readonly elements: number;
  /** WGSL element type; `f32` unless given. */
  readonly type?: string;
}

/**
 * WGSL declarations of `reads` (read-only) and then `writes` (read and write) as bindings 0, 1, ...
 * Fixed array sizes let the compiler drop most bounds checks.
 */
export function declareBindings(reads: readonly Binding[], writes: readonly Binding[]): string {
  const line = (binding: Binding, index: number, access: string) =>
    `@group(0) @binding(${index}) var<storage, ${access}> ${binding.name}: ` +
    `array<${binding.type ?? "f32"}, ${binding.elements}>;`;
  return [
    ...reads.map((binding, i) => line(binding, i, "read")),
    ...writes.map((binding, i) => line(binding, reads.length + i, "read_write")),
  ].join("\n");
}

/** WGSL of a kernel's numbers by name, `const pixels = 64u;`, so that its body reads as the formula. */
export function constants(values: Readonly<Record<string, number>>): string {
  return Object.entries(values).map(([name, value]) => `const ${name} = ${value}u;`).join("\n") +
    "\n";
}

/** Number of groups of `size` that cover `count`. */
export function groupsOf(count: number, size: number): number {
  return Math.ceil(count / size);
}

/** What the device offers to a kernel. */
export interface KernelCapabilities {
  /** Invocations of a subgroup, 0 where subgroup operations cannot be used. */
  readonly subgroupSize: number;
  /** Largest number of invocations of a workgroup. */
  readonly maxInvocations: number;
  /** True for a driver that computes on the CPU; false unless given. */
  readonly software?: boolean;
  /** True for a software driver that is reached through OpenGL; false unless given. */
  readonly openGl?: boolean;
  /** What timing has chosen on this device; without it the first candidate is taken. */
  readonly choices?: KernelChoices;
}

/** Choices between the candidates of a use. */
export interface KernelChoices {
  /** Name of the chosen candidate; `undefined` where nothing was chosen. */
  find(use: ConvolutionUse): string | undefined;
}
