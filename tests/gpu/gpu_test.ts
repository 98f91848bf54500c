import assert from "node:assert/strict";
import { declareBindings, type Kernel } from "../../shaders/kernel.ts";
import {
  DeviceError,
  DeviceLostError,
  OutOfMemoryError,
  ValidationError,
} from "../../src/errors.ts";
import { type Gpu, openGpu } from "../../src/gpu/gpu.ts";
import { gpu } from "./device.ts";

/** Runs `body` on a device of its own, which it may break. */
async function withGpu(body: (gpu: Gpu) => Promise<void>): Promise<void> {
  const own = await openGpu();
  try {
    await body(own);
  } finally {
    own.close();
  }
}

/** Adds 1 to each of 64 numbers. */
const INCREMENT: Kernel = {
  label: "increment",
  workgroups: [1, 1, 1],
  wgsl: `${declareBindings([], [{ name: "x", elements: 64, type: "u32" }])}
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) { x[i] += 1u; }`,
};

/** What a failing call rejects with, and how long it takes, milliseconds. */
async function failure(call: () => Promise<unknown>): Promise<{ error: Error; elapsed: number }> {
  const start = performance.now();
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof Error);
    return { error, elapsed: performance.now() - start };
  }
  return assert.fail("the call did not fail");
}

Deno.test("a kernel that does not compile is a ValidationError that names it", async () => {
  await withGpu(async (gpu) => {
    const buffer = gpu.createBuffer(256, "x");
    const kernel = {
      label: "kernel with a fault",
      workgroups: [1, 1, 1] as const,
      wgsl: "@compute @workgroup_size(1) fn main() { let x: i32 = 1.5; }",
    };
    // The driver reports it after the call, so it surfaces at the next wait at the latest.
    const { error } = await failure(async () => {
      gpu.submit([gpu.prepare(kernel, [], [buffer])]);
      await gpu.finish();
    });
    assert.ok(error instanceof ValidationError, String(error));
    assert.match(error.message, /^the GPU refused a call: .*kernel with a fault/s);
    assert.throws(() => gpu.check(), ValidationError);
    await assert.rejects(() => gpu.read(buffer), ValidationError, "and stays");
  });
});

Deno.test("a kernel bound to the same buffer for reading and writing is a ValidationError", async () => {
  await withGpu(async (gpu) => {
    const buffer = gpu.createBuffer(256, "x");
    const kernel = {
      label: "copy",
      workgroups: [1, 1, 1] as const,
      wgsl: `${declareBindings([{ name: "a", elements: 64 }], [{ name: "b", elements: 64 }])}
@compute @workgroup_size(1) fn main() { b[0] = a[0]; }`,
    };
    const { error } = await failure(async () => {
      gpu.submit([gpu.prepare(kernel, [buffer], [buffer])]);
      await gpu.finish();
    });
    assert.ok(error instanceof ValidationError, String(error));
  });
});

Deno.test("a buffer above the device's limit is an OutOfMemoryError that names sizes and advice", () => {
  const { maxBufferSize, maxStorageBufferBindingSize } = gpu.adapter.limits;
  const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  const before = { ...gpu.counters };
  assert.throws(
    () => gpu.createBuffer(limit + 1, "a huge tensor"),
    new OutOfMemoryError(
      `cannot make a buffer for a huge tensor: it needs ${Math.ceil((limit + 1) / 4) * 4} bytes, ` +
        `${gpu.adapter.name} allows ${limit}; a smaller batch needs less`,
    ),
  );
  assert.deepEqual(gpu.counters, before);
});

Deno.test("memory that runs out in the driver is an OutOfMemoryError", async () => {
  await withGpu(async (gpu) => {
    const error = new GPUOutOfMemoryError("not enough memory left");
    gpu.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
    const expected = new OutOfMemoryError("the GPU ran out of memory: not enough memory left");
    assert.throws(() => gpu.check(), expected);
    await assert.rejects(gpu.finish(), expected);
  });
});

Deno.test("every wait for a destroyed device is a DeviceLostError, at once", async () => {
  await withGpu(async (gpu) => {
    const buffer = gpu.createBuffer(256, "x");
    gpu.device.destroy();
    for (const wait of [() => gpu.finish(), () => gpu.read(buffer)]) {
      const { error, elapsed } = await failure(wait);
      assert.ok(error instanceof DeviceLostError, String(error));
      assert.match(error.message, /^the GPU device was lost/);
      assert.ok(elapsed < 1000);
    }
    assert.throws(() => gpu.createBuffer(4, "y"), DeviceLostError);
  });
});

Deno.test("a device lost while it works is a DeviceLostError", async () => {
  await withGpu(async (gpu) => {
    const buffer = gpu.createBuffer(256, "x");
    gpu.submit([gpu.prepare(INCREMENT, [], [buffer])], 1000);
    const waiting = failure(() => gpu.read(buffer));
    gpu.device.destroy();
    const { error, elapsed } = await waiting;
    assert.ok(error instanceof DeviceLostError, String(error));
    assert.ok(elapsed < 1000);
  });
});

Deno.test("closing a device on purpose is no loss", async () => {
  const own = await openGpu();
  const buffer = own.createBuffer(256, "x");
  own.close();
  await own.device.lost;
  own.check();
  await assert.rejects(
    () => own.read(buffer),
    (error) => error instanceof DeviceError && !(error instanceof DeviceLostError),
  );
});

Deno.test("createBuffer() gives zeros, rounds up to 4 bytes and counts what lives", async () => {
  const before = { ...gpu.counters };
  const buffer = gpu.createBuffer(10, "ten bytes");
  assert.equal(buffer.size, 12);
  const empty = gpu.createBuffer(0, "nothing");
  assert.equal(empty.size, 4);
  assert.equal(gpu.counters.buffers - before.buffers, 2);
  assert.equal(gpu.counters.bytes - before.bytes, 16);
  const [bytes] = await gpu.read(buffer);
  assert.deepEqual([...new Uint8Array(bytes!)], new Array(12).fill(0));
  gpu.destroyBuffer(buffer);
  gpu.destroyBuffer(buffer);
  gpu.destroyBuffer(empty);
  assert.equal(gpu.counters.bytes, before.bytes);
  assert.ok(gpu.counters.peakBytes >= before.bytes + 16);
});

Deno.test("write() and read() move exactly the bytes of a range", async () => {
  const whole = gpu.createBuffer(1024, "whole");
  const part = { buffer: whole.buffer, offset: 256, size: 16 };
  gpu.write(part, Uint32Array.of(1, 2, 3, 4));
  gpu.write(part, Uint32Array.of(9), 8);
  // A view into a larger array must not bring its neighbours along.
  gpu.write(whole, Uint32Array.of(5, 6, 7, 8).subarray(1, 3), 272);
  const before = gpu.counters.fences;
  const [first, second] = await gpu.read(part, whole);
  assert.equal(gpu.counters.fences - before, 1, "one fence for all ranges");
  assert.deepEqual([...new Uint32Array(first!)], [1, 2, 9, 4]);
  const expected = new Uint32Array(256);
  expected.set([1, 2, 9, 4, 6, 7], 64);
  assert.deepEqual(new Uint32Array(second!), expected);
  gpu.destroyBuffer(whole);
});

Deno.test("write() of no bytes changes nothing", async () => {
  const range = gpu.createBuffer(4, "four bytes");
  gpu.write(range, Uint32Array.of(7));
  gpu.write(range, new Uint32Array(0));
  const [bytes] = await gpu.read(range);
  assert.deepEqual([...new Uint32Array(bytes!)], [7]);
  gpu.destroyBuffer(range);
});

Deno.test("write() throws where the data do not fit the range", () => {
  const buffer = gpu.createBuffer(16, "x");
  assert.throws(
    () => gpu.write(buffer, new Uint32Array(4), 4),
    new RangeError("cannot write 16 bytes at 4 into 16 bytes"),
  );
  gpu.destroyBuffer(buffer);
});

Deno.test("prepare() compiles each kernel once, submit() repeats dispatches in order", async () => {
  const buffers = [gpu.createBuffer(256, "x"), gpu.createBuffer(256, "y")];
  const before = { ...gpu.counters };
  const first = gpu.prepare(INCREMENT, [], [buffers[0]!]);
  const second = gpu.prepare({ ...INCREMENT, label: "another name" }, [], [buffers[1]!]);
  assert.equal(gpu.counters.bindGroups - before.bindGroups, 2);
  assert.equal(first.pipeline, second.pipeline);
  assert.ok(gpu.counters.pipelines - before.pipelines <= 1);
  gpu.submit([first, first, second], 7);
  assert.equal(gpu.counters.submits - before.submits, 1);
  assert.equal(gpu.counters.dispatches - before.dispatches, 21);
  assert.equal(gpu.counters.fences, before.fences);
  const [x, y] = await gpu.read(...buffers);
  assert.deepEqual([...new Uint32Array(x!)], new Array(64).fill(14));
  assert.deepEqual([...new Uint32Array(y!)], new Array(64).fill(7));
  for (const buffer of buffers) gpu.destroyBuffer(buffer);
});
