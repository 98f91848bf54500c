/**
 * Reads kernels from the standard input, JSON, and writes what Dawn's validation says against them: the
 * compiler of Chrome (Tint), on a device that computes nothing. Exit code 3 where Dawn cannot be loaded.
 */

import process from "node:process";
import { text } from "node:stream/consumers";

let dawn;
try {
  dawn = await import("npm:webgpu@0.6.2");
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(3);
}
const gpu = dawn.create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
const adapter = await gpu.requestAdapter();
// The guaranteed minimum limits.
const device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
// Dawn does not outlive an instance or adapter that is collected as garbage.
globalThis.kept = [gpu, adapter];
const complaints = [];
for (const { label, code, bindings } of JSON.parse(await text(process.stdin))) {
  device.pushErrorScope("validation");
  const entries = bindings.map((type, binding) => ({ binding, visibility: 4, buffer: { type } }));
  const layout = device.createPipelineLayout({
    bindGroupLayouts: [device.createBindGroupLayout({ entries })],
  });
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout, compute: { module, entryPoint: "main" } });
  const error = await device.popErrorScope();
  if (error) complaints.push(`${label}: ${error.message}`);
}
console.log(JSON.stringify(complaints));
process.exit(0);
