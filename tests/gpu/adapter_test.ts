import assert from "node:assert/strict";
import { NoAdapterError } from "../../src/errors.ts";
import { openDevice } from "../../src/gpu/adapter.ts";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";
import { adapterLine } from "../../src/jobs/open_gpu.ts";

/** Runs `body` while `navigator.gpu` is `stub`. */
async function withNavigatorGpu(stub: unknown, body: () => Promise<void>): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(navigator, "gpu");
  Object.defineProperty(navigator, "gpu", { value: stub, configurable: true });
  try {
    await body();
  } finally {
    if (own) Object.defineProperty(navigator, "gpu", own);
    else Reflect.deleteProperty(navigator, "gpu");
  }
}

Deno.test("openGpu() throws NoAdapterError where there is no adapter", async () => {
  for (const stub of [{ requestAdapter: () => Promise.resolve(null) }, undefined]) {
    await withNavigatorGpu(stub, async () => {
      await assert.rejects(openGpu(), (error) => {
        assert.ok(error instanceof NoAdapterError, String(error));
        assert.match(error.message, /^cannot open a GPU device: no WebGPU adapter was found, /);
        return true;
      });
    });
  }
});

Deno.test("openGpu() asks for the fastest GPU unless it is told otherwise", async () => {
  const asked: unknown[] = [];
  const requestAdapter = (options: unknown) => {
    asked.push(options);
    return Promise.resolve(null);
  };
  await withNavigatorGpu({ requestAdapter }, async () => {
    await assert.rejects(openGpu({ powerPreference: "low-power" }), NoAdapterError);
    await assert.rejects(openGpu(), NoAdapterError);
  });
  assert.deepEqual(asked, [{ powerPreference: "low-power" }, {
    powerPreference: "high-performance",
  }]);
});

Deno.test("openGpu() asks again without subgroups where the adapter refuses them", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  assert.ok(adapter);
  const requested: string[][] = [];
  const stub = {
    features: adapter.features,
    limits: adapter.limits,
    info: adapter.info,
    requestDevice(descriptor: GPUDeviceDescriptor) {
      const features = descriptor.requiredFeatures ?? [];
      requested.push([...features]);
      return features.includes("subgroups" as GPUFeatureName)
        ? Promise.reject(new TypeError("subgroups are not supported"))
        : adapter.requestDevice(descriptor);
    },
  };
  await withNavigatorGpu({ requestAdapter: () => Promise.resolve(stub) }, async () => {
    const gpu = await openGpu();
    assert.equal(gpu.adapter.subgroupSize, 0);
    assert.equal(gpu.capabilities.subgroupSize, 0);
    gpu.close();
  });
  assert.equal(requested.length, 2);
  assert.ok(requested[0]!.includes("subgroups") && !requested[1]!.includes("subgroups"));
});

Deno.test("openGpu() with minimum limits has WebGPU's guaranteed limits and no feature", async () => {
  const gpu = await openGpu({ minimumLimits: true });
  assert.deepEqual(gpu.adapter.features, []);
  assert.equal(gpu.adapter.subgroupSize, 0);
  assert.deepEqual(gpu.adapter.limits, {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeWorkgroupsPerDimension: 65535,
    maxStorageBuffersPerShaderStage: 8,
    maxStorageBufferBindingSize: 134217728,
    maxBufferSize: 268435456,
  });
  assert.equal(gpu.capabilities.maxInvocations, 256);
  gpu.close();
});

Deno.test("openGpu() asks for all that the adapter offers", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const gpu = await openGpu();
  assert.equal(gpu.adapter.limits.maxBufferSize, adapter!.limits.maxBufferSize);
  assert.equal(
    gpu.capabilities.maxInvocations,
    adapter!.limits.maxComputeInvocationsPerWorkgroup,
  );
  assert.notEqual(gpu.adapter.name, "");
  gpu.close();
});

Deno.test("openGpu() names the other adapters that the machine has", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  assert.ok(adapter);
  const named = (description: string) => ({
    features: adapter.features,
    limits: adapter.limits,
    info: { ...info(adapter), description },
    requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
  });
  const requestAdapter = ({ powerPreference }: GPURequestAdapterOptions) =>
    Promise.resolve(
      powerPreference === "high-performance"
        ? named("a fast GPU")
        : powerPreference === "low-power"
        ? named("a frugal GPU")
        : null,
    );
  await withNavigatorGpu({ requestAdapter }, async () => {
    const gpu = await openGpu();
    assert.equal(gpu.adapter.name, "a fast GPU");
    assert.deepEqual(gpu.adapter.others, ["a frugal GPU"]);
    assert.equal(
      adapterLine(gpu.adapter),
      "a fast GPU, one of 2 adapters (also: a frugal GPU)",
    );
    gpu.close();
  });
});

/** The properties of an adapter's information, which lie on its prototype. */
function info({ info }: GPUAdapter) {
  const { vendor, architecture, device, subgroupMinSize, subgroupMaxSize, isFallbackAdapter } =
    info;
  return { vendor, architecture, device, subgroupMinSize, subgroupMaxSize, isFallbackAdapter };
}

Deno.test("openDevice() needs no Deno: a page without an adapter gets NoAdapterError", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "Deno")!;
  await withNavigatorGpu(undefined, async () => {
    Reflect.deleteProperty(globalThis, "Deno");
    try {
      await assert.rejects(openDevice(), NoAdapterError);
    } finally {
      Object.defineProperty(globalThis, "Deno", own);
    }
  });
});

Deno.test("kernels with subgroup operations begin with the directive where it is valid", async () => {
  const { device, description } = await openDevice();
  const codes: string[] = [];
  const createShaderModule = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    codes.push(descriptor.code);
    return createShaderModule({ ...descriptor, code: descriptor.code.replace(/^enable.*/, "") });
  };
  const kernel = (label: string, subgroups: boolean) => ({
    label,
    subgroups,
    workgroups: [1, 1, 1] as const,
    wgsl: `@compute @workgroup_size(1) fn main() {} // ${label}`,
  });
  for (const enableSubgroups of [true, false]) {
    const gpu = new Gpu(device, { ...description, enableSubgroups });
    gpu.prepare(kernel("with", true), [], []);
    gpu.prepare(kernel("without", false), [], []);
  }
  assert.deepEqual(codes.map((code) => code.startsWith("enable subgroups;\n")), [
    true,
    false,
    false,
    false,
  ]);
  device.destroy();
});
