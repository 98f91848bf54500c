/** What networks may ask of the rest: norms of their own, constants, unread tensors, no last norm. */

import assert from "node:assert/strict";
import { ModelError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { Architecture, StateEntry } from "../../src/nn/architecture.ts";
import { FAMILIES, matchingArchitectures } from "../../src/nn/architectures.ts";
import { headValues } from "../../src/nn/head.ts";
import { loadModel, readModel } from "../../src/nn/model.ts";
import { checkState, floats, initialState } from "../../src/nn/state.ts";
import { moduleNorm, normTensors } from "../../src/nn/norm.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { batchNorm } from "../../src/tensor/operations/batch_norm.ts";
import { add } from "../../src/tensor/operations/elementwise.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { estimateStatistics } from "../../src/train/statistics.ts";
import { train } from "../../src/train/train.ts";
import { gpu } from "../gpu/device.ts";
import { assertNear } from "../reference/compare.ts";
import { evaluate, normalInput } from "../tensor/record.ts";
import { CLASSES, SMALL_SETTINGS, smallImages } from "../train/small.ts";

for (const constants of [{ epsilon: 1e-5, momentum: 0.1 }, { epsilon: 1e-3, momentum: 0.01 }]) {
  Deno.test(`a batch norm has an epsilon of ${constants.epsilon} and a momentum of ${constants.momentum}`, async () => {
    // One channel of variance 1e-3, so that epsilon shows.
    const count = 2 * 3 * 4;
    const x = normalInput([2, 1, 3, 4], 1);
    const values = x.values.map((value) => value * Math.sqrt(1e-3));
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const one = (value: number) => ({ shape: [1], values: Float32Array.of(value) });
    const norm = moduleNorm("bn", constants);
    const { outputs } = await evaluate(
      [{ ...x, values }, one(1), one(0), one(5), one(2)],
      (tape, x, gamma, beta, runningMean, runningVariance) => {
        const tensors = new Map([
          ["bn.weight", gamma!],
          ["bn.bias", beta!],
          ["bn.running_mean", runningMean!],
          ["bn.running_var", runningVariance!],
        ]);
        const bound = normTensors((name) => tensors.get(name)!, norm);
        const evaluated = batchNorm(tape, x!, bound, { mode: "evaluation", relu: false });
        const trained = batchNorm(tape, x!, bound, { mode: "training", relu: false });
        return [trained, evaluated, runningMean!, runningVariance!];
      },
    );
    const { epsilon, momentum } = constants;
    const normal = (center: number, variance: number) =>
      values.map((value) => (value - center) / Math.sqrt(variance + epsilon));
    assertNear(outputs[0]!, normal(mean, squares / count), 1e-4, "training");
    assertNear(outputs[2]!, [5 + momentum * (mean - 5)], 1e-6, "running mean");
    const unbiased = squares / (count - 1);
    assertNear(outputs[3]!, [2 + momentum * (unbiased - 2)], 1e-6, "running variance");
    assertNear(outputs[1]!, normal(5, 2), 1e-5, "evaluation");
  });
}

const BASE = wideResNet(10, 1, CLASSES);

/** The same network behind a constant shift of its input, with a tensor that nothing reads. */
const SHIFTED: Architecture = {
  ...BASE,
  entries: [
    { name: "shift", shape: [16, 3, 8, 8], kind: "constant" },
    ...BASE.entries,
    { name: "position_ids", shape: [2], kind: "constant", unread: true },
  ],
  forward: (tape, state, x, mode) => BASE.forward(tape, state, add(tape, x, state("shift")), mode),
};

function shiftedState(): StateDict {
  const shift = new Float32Array(16 * 3 * 64).map((_, i) => Math.sin(i) / 3);
  return new Map([
    ["shift", { dtype: "float32", shape: [16, 3, 8, 8], data: shift }],
    ...initialState(BASE, 1),
    ["position_ids", { dtype: "int64", shape: [2], data: BigInt64Array.of(2n ** 60n, -1n) }],
  ]);
}

Deno.test("constants are read, and neither trained nor decayed nor averaged nor extrapolated", async () => {
  const state = shiftedState();
  using model = loadModel(gpu, SHIFTED, state, "a state");
  using store = uploadImages(gpu, smallImages(32, 3));
  const settings = {
    ...SMALL_SETTINGS,
    epochs: 2,
    weightDecay: 0.1,
    averaging: 0.9,
    extrapolation: 0.5,
  };
  await train(gpu, { model, images: { store }, objective: CROSS_ENTROPY, settings });
  const trained = await readModel(gpu, model);
  assert.deepEqual([...trained.keys()], SHIFTED.entries.map(({ name }) => name));
  for (const name of ["shift", "position_ids"]) {
    assert.deepEqual(trained.get(name), state.get(name));
  }
  assert.notDeepEqual(trained.get("conv1.weight"), state.get("conv1.weight"));

  using plain = loadModel(gpu, BASE, initialState(BASE, 1), "a state");
  await train(gpu, { model: plain, images: { store }, objective: CROSS_ENTROPY, settings });
  const other = await readModel(gpu, plain);
  assert.notDeepEqual(trained.get("conv1.weight"), other.get("conv1.weight"), "the shift is read");
});

Deno.test("a tensor that nothing reads may hold anything, and never goes to the GPU", () => {
  const state = initialState(BASE, 1);
  const nan = Float32Array.of(NaN, Infinity);
  state.set("sub_block1.weight", { dtype: "float32", shape: [2], data: nan });
  state.set("mask", { dtype: "bool", shape: [1], data: Uint8Array.of(1) });
  const entries: StateEntry[] = [
    ...BASE.entries,
    { name: "sub_block1.weight", shape: [2], kind: "constant", unread: true },
    { name: "mask", shape: [1], kind: "constant", unread: true },
  ];
  const architecture = { ...BASE, entries };
  checkState(architecture, state, "a.pth");
  using model = loadModel(gpu, architecture, state, "a.pth");
  assert.equal(model.constants, undefined);
  assert.equal(model.tensors.has("mask"), false);
});

Deno.test("statistics are estimated in as many steps as the slowest batch norm needs", async () => {
  using store = uploadImages(gpu, smallImages(32, 3));
  const dispatches = async (momenta: readonly number[]) => {
    const norms = momenta.map((momentum) => ({ ...BASE.norms[0]!, momentum }));
    using model = loadModel(gpu, { ...BASE, norms }, initialState(BASE, 1), "a state");
    const before = gpu.counters.dispatches;
    await estimateStatistics(gpu, model, store, SMALL_SETTINGS);
    return gpu.counters.dispatches - before;
  };
  const usual = await dispatches([0.1, 0.1]);
  assert.ok(usual > 0);
  // 0.81 is 0.9 squared.
  assert.equal(await dispatches([0.19]), usual / 2);
  assert.equal(await dispatches([0.19, 0.1]), usual);
  assert.equal(await dispatches([]), 0);
});

Deno.test("a network out of a file cannot be trained from scratch", () => {
  const entries = BASE.entries.map(({ name, shape, kind }) => ({ name, shape, kind }));
  assert.throws(
    () => initialState({ ...BASE, name: "model.onnx", entries }, 1),
    new ModelError(
      "cannot train model.onnx from scratch: conv1.weight has no first values; start from a " +
        "trained model",
    ),
  );
});

Deno.test("headValues() turns a head that is stored the other way round", () => {
  const state = initialState(BASE, 1);
  const stored = floats(state.get("fc.weight")!);
  const turned = stored.map((_, i) => stored[i % CLASSES * 64 + Math.floor(i / CLASSES)]!);
  state.set("w", { dtype: "float32", shape: [64, CLASSES], data: turned });
  const found = headValues({ ...BASE, head: { weight: "w", transposed: true } }, state);
  assert.deepEqual(found.weight, stored);
  assert.deepEqual(found.bias, new Float32Array(CLASSES));
  assert.equal(found.channels, 64);
  const { head: _, ...headless } = BASE;
  assert.throws(() => headValues(headless, state), ModelError);
});

Deno.test("every family knows its own states by name and by shapes, and no other's", () => {
  for (const family of FAMILIES) {
    const architecture = family.named(family.example, 7)!;
    assert.equal(architecture.name, family.example);
    const state = initialState(architecture, 1);
    assert.equal(family.classes(state), 7);
    assert.ok(family.match(state, "a.pth").some(({ name }) => name === architecture.name));
    assert.ok(matchingArchitectures(state, "a.pth").some(({ name }) => name === architecture.name));
    for (const other of FAMILIES) {
      if (other === family) continue;
      assert.equal(other.named(family.example, 7), undefined);
      assert.deepEqual(other.match(state, "a.pth"), []);
    }
  }
});
