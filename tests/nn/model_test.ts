import assert from "node:assert/strict";
import { ModelError } from "../../src/errors.ts";
import { elementCount } from "../../src/formats/host_tensor.ts";
import { RANGE_ALIGNMENT } from "../../src/gpu/gpu.ts";
import { inferArchitecture } from "../../src/nn/architectures.ts";
import { flatLayout, loadModel, readModel, tensorLookup, writeModel } from "../../src/nn/model.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { gpu } from "../gpu/device.ts";

const ARCHITECTURE = wideResNet(10, 1, 3);

Deno.test("a state survives the way to the GPU and back, bit for bit", async () => {
  const state = initialState(ARCHITECTURE, 1);
  for (const [name, tensor] of state) {
    if (name.endsWith("num_batches_tracked")) tensor.data[0] = 12345n;
  }
  const model = loadModel(gpu, ARCHITECTURE, state, "a state");
  assert.deepEqual(await readModel(gpu, model), state);
  const other = initialState(ARCHITECTURE, 2);
  writeModel(gpu, model, other, "another state");
  assert.deepEqual(await readModel(gpu, model), other);
  model[Symbol.dispose]();
});

Deno.test("loadModel() widens whole and double precision numbers", async () => {
  const state = initialState(ARCHITECTURE, 1);
  state.set("fc.bias", { dtype: "float64", shape: [3], data: Float64Array.of(0.5, -1, 2) });
  state.set("bn1.bias", { dtype: "int8", shape: [64], data: new Int8Array(64).fill(-3) });
  const model = loadModel(gpu, ARCHITECTURE, state, "a state");
  const read = await readModel(gpu, model);
  assert.deepEqual(read.get("fc.bias")!.data, Float32Array.of(0.5, -1, 2));
  assert.deepEqual(read.get("bn1.bias")!.data, new Float32Array(64).fill(-3));
  model[Symbol.dispose]();
});

Deno.test("a counter may be a fraction, NaN or huge, and is written as a whole number", async () => {
  for (
    const [found, written] of [[7.25, 7n], [NaN, 0n], [-2.5, -2n], [
      1e300,
      9007199254740991n,
    ]] as const
  ) {
    const state = initialState(ARCHITECTURE, 1);
    for (const name of state.keys()) {
      if (!name.endsWith("num_batches_tracked")) continue;
      state.set(name, { dtype: "float64", shape: [], data: Float64Array.of(found) });
    }
    const model = loadModel(gpu, ARCHITECTURE, state, "an averaged model");
    const read = (await readModel(gpu, model)).get("bn1.num_batches_tracked")!;
    assert.deepEqual(read, { dtype: "int64", shape: [], data: BigInt64Array.of(written) });
    model[Symbol.dispose]();
  }
});

Deno.test("tensors that a network does not read are kept as they are", async () => {
  const state = initialState(ARCHITECTURE, 1);
  const extra = { dtype: "uint8", shape: [2], data: Uint8Array.of(7, 8) } as const;
  state.set("sub_block1.mask", extra);
  const architecture = inferArchitecture(state, "a.pth");
  const model = loadModel(gpu, architecture, state, "a.pth");
  assert.deepEqual(await readModel(gpu, model), state);
  model[Symbol.dispose]();
});

Deno.test("loadModel() takes no memory for a state that it refuses", () => {
  const before = gpu.counters.bytes;
  const state = initialState(ARCHITECTURE, 1);
  state.delete("fc.bias");
  assert.throws(
    () => loadModel(gpu, ARCHITECTURE, state, "a.pth"),
    new ModelError("cannot load a.pth as wrn-10-1 with 3 classes: fc.bias is missing"),
  );
  assert.equal(gpu.counters.bytes, before);
});

Deno.test("disposing of a model frees all that loadModel() took", () => {
  const before = gpu.counters.bytes;
  const model = loadModel(gpu, ARCHITECTURE, initialState(ARCHITECTURE, 1), "a state");
  assert.ok(gpu.counters.bytes > before);
  model[Symbol.dispose]();
  assert.equal(gpu.counters.bytes, before);
});

for (const kind of ["parameter", "statistic"] as const) {
  Deno.test(`flatLayout() gives every ${kind} a range of its own that can be bound`, () => {
    const { elements, offsets } = flatLayout(ARCHITECTURE, kind);
    const entries = ARCHITECTURE.entries.filter((entry) => entry.kind === kind);
    assert.deepEqual([...offsets.keys()], entries.map(({ name }) => name));
    let end = 0;
    for (const { name, shape } of entries) {
      const offset = offsets.get(name)!;
      assert.ok(offset >= end, `${name} overlaps its predecessor`);
      assert.equal(offset * 4 % RANGE_ALIGNMENT, 0, name);
      end = offset + elementCount(shape);
    }
    assert.ok(end <= elements);
  });
}

Deno.test("tensorLookup() throws for a name that is not the network's", () => {
  const model = loadModel(gpu, ARCHITECTURE, initialState(ARCHITECTURE, 1), "a state");
  assert.throws(
    () => tensorLookup(model)("conv9.weight"),
    new RangeError("wrn-10-1 has no tensor conv9.weight"),
  );
  model[Symbol.dispose]();
});
