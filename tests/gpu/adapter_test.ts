import assert from "node:assert/strict";
import { NoAdapterError } from "../../src/errors.ts";
import { openGpu } from "../../src/gpu/gpu.ts";

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

Deno.test("openGpu() throws NoAdapterError with advice where there is no adapter", async () => {
  for (const stub of [{ requestAdapter: () => Promise.resolve(null) }, undefined]) {
    await withNavigatorGpu(stub, async () => {
      await assert.rejects(openGpu(), (error) => {
        assert.ok(error instanceof NoAdapterError, String(error));
        assert.match(error.message, /^cannot open a GPU device: no WebGPU adapter was found; /);
        if (Deno.build.os === "linux") assert.match(error.message, /mesa-vulkan-drivers/);
        return true;
      });
    });
  }
});

Deno.test("openGpu() hands the power preference on", async () => {
  const asked: unknown[] = [];
  const requestAdapter = (options: unknown) => {
    asked.push(options);
    return Promise.resolve(null);
  };
  await withNavigatorGpu({ requestAdapter }, async () => {
    await assert.rejects(openGpu({ powerPreference: "low-power" }), NoAdapterError);
    await assert.rejects(openGpu(), NoAdapterError);
  });
  assert.deepEqual(asked, [{ powerPreference: "low-power" }, {}]);
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
