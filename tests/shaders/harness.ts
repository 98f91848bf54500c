/** Runs one kernel on plain arrays, for tests of kernels alone. */

import type { Kernel, KernelCapabilities } from "../../shaders/kernel.ts";
import { gpu } from "../gpu/device.ts";

/** What the device under test offers. */
export const capabilities: KernelCapabilities = gpu.capabilities;

/**
 * Outputs of `kernel`, whose bindings are `inputs` and then buffers of `outputs` elements each.
 * Outputs start as NaN, so that an element that the kernel leaves out is seen.
 */
export async function runKernel(
  kernel: Kernel,
  inputs: readonly Float32Array<ArrayBuffer>[],
  outputs: readonly number[],
): Promise<Float32Array<ArrayBuffer>[]> {
  using scope = gpu.scope();
  const upload = (values: Float32Array<ArrayBuffer>) => {
    const range = scope.buffer(values.byteLength, kernel.label);
    gpu.write(range, values);
    return range;
  };
  const writes = outputs.map((elements) => upload(new Float32Array(elements).fill(NaN)));
  gpu.submit([gpu.prepare(kernel, inputs.map(upload), writes)]);
  return (await gpu.read(...writes)).map((bytes) => new Float32Array(bytes));
}
