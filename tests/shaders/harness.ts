/**
 * Runs one kernel on plain arrays, for tests of kernels alone. The device is opened once, with
 * subgroups where it has them; `LETHE_MINIMUM_LIMITS=1` asks for the guaranteed minimum instead.
 */

import type { Kernel } from "../../shaders/kernel.ts";
import type { KernelCapabilities } from "../../shaders/kernel.ts";

function minimumLimitsWanted(): boolean {
  try {
    return Deno.env.get("LETHE_MINIMUM_LIMITS") === "1";
  } catch {
    return false; // Without permission to read the environment.
  }
}

async function openDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter: install a Vulkan driver, for example Mesa's");
  if (minimumLimitsWanted()) return await adapter.requestDevice();
  const { maxComputeInvocationsPerWorkgroup, maxStorageBufferBindingSize } = adapter.limits;
  const requiredLimits = { maxComputeInvocationsPerWorkgroup, maxStorageBufferBindingSize };
  try {
    // Deno's adapters do not list the feature, yet grant it.
    const requiredFeatures = ["subgroups" as GPUFeatureName];
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch {
    return await adapter.requestDevice({ requiredLimits });
  }
}

const device = await openDevice();

/**
 * Outputs of `kernel`, whose bindings are `inputs` and then buffers of `outputs` elements each.
 * Outputs start as NaN, so that an element that the kernel leaves out is seen.
 */
export async function runKernel(
  kernel: Kernel,
  inputs: readonly Float32Array<ArrayBuffer>[],
  outputs: readonly number[],
): Promise<Float32Array<ArrayBuffer>[]> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: kernel.label, code: kernel.wgsl });
  // Stated, as src/gpu does: a derived layout leaves out bindings that the kernel has no use for.
  const layout = device.createBindGroupLayout({
    entries: Array.from({ length: inputs.length + outputs.length }, (_, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: binding < inputs.length ? "read-only-storage" : "storage" },
    })),
  });
  const pipeline = device.createComputePipeline({
    label: kernel.label,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main" },
  });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const filled = [...inputs, ...outputs.map((elements) => new Float32Array(elements).fill(NaN))];
  const buffers = filled.map((data) => {
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(...kernel.workgroups);
  pass.end();
  const readable = outputs.map((elements, index) => {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const copy = device.createBuffer({ size: elements * 4, usage });
    encoder.copyBufferToBuffer(buffers[inputs.length + index]!, 0, copy, 0, elements * 4);
    return copy;
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(`${kernel.label}: ${error.message}`);
  await Promise.all(readable.map((buffer) => buffer.mapAsync(GPUMapMode.READ)));
  const results = readable.map((buffer) => new Float32Array(buffer.getMappedRange().slice(0)));
  for (const buffer of [...buffers, ...readable]) buffer.destroy();
  return results;
}

const SUBGROUP_SIZE_KERNEL: Kernel = {
  label: "subgroup size",
  wgsl: `
@group(0) @binding(0) var<storage, read_write> size: array<f32, 1>;
@compute @workgroup_size(64)
fn main(@builtin(subgroup_size) lanes: u32) { size[0] = f32(lanes); }
`,
  workgroups: [1, 1, 1],
};

async function measureSubgroupSize(): Promise<number> {
  try {
    const [size] = await runKernel(SUBGROUP_SIZE_KERNEL, [], [1]);
    return size![0]!;
  } catch {
    return 0; // The device was opened without subgroups.
  }
}

/** What the device under test offers. */
export const capabilities: KernelCapabilities = {
  subgroupSize: await measureSubgroupSize(),
  maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
};
