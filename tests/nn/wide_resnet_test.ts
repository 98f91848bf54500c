import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { parameterCount } from "../../src/nn/architecture.ts";
import { loadModel, readModel, tensorLookup } from "../../src/nn/model.ts";
import { floats, initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { attentionDistance, attentionMap } from "../../src/tensor/operations/attention.ts";
import { crossEntropy } from "../../src/tensor/operations/cross_entropy.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { size } from "../../src/tensor/tensor.ts";
import { present, publishedState } from "../golden/published.ts";
import { gpu } from "../gpu/device.ts";
import * as attention from "../../src/reference/attention.ts";
import { updatedStatistics } from "../../src/reference/batch_norm.ts";
import { assertNear } from "../reference/compare.ts";
import { crossEntropy as crossEntropyReference } from "../../src/reference/cross_entropy.ts";
import { crossEntropyGradient } from "../../src/reference/cross_entropy.ts";
import { numericalGradient } from "../reference/finite_differences.ts";
import { Graph, leaf, type Node } from "../reference/graph.ts";
import { normalValues, uniformValues, wholeValues } from "../reference/values.ts";
import { wideResNet as reference } from "../reference/wide_resnet.ts";
import { free, upload } from "../tensor/record.ts";

const SEED = 20_250_616;

/** An initial state, disturbed so that no batch norm is the identity and no channel like another. */
function disturbedState(architecture: ReturnType<typeof wideResNet>): StateDict {
  const state = initialState(architecture, SEED);
  for (const [i, { name, kind, shape }] of architecture.entries.entries()) {
    if (kind === "counter" || shape.length !== 1) continue;
    const low = /bias|mean/.test(name) ? -0.3 : 0.6;
    const data = uniformValues(shape[0]!, low, low + 0.7, SEED + i);
    state.set(name, { dtype: "float32", shape, data });
  }
  return state;
}

const mapGeometry = (maps: { n: number; c: number; h: number; w: number }) => ({
  batch: maps.n,
  channels: maps.c,
  pixels: maps.h * maps.w,
});

const OPERATOR = { reduction: "sum", power: 2 } as const;

Deno.test("losses, all gradients and running statistics of wrn-10-1 in training match the float64 reference", async () => {
  const [n, h, w, classes] = [3, 8, 4, 5];
  const betas = [500, 1000, 1000];
  const architecture = wideResNet(10, 1, classes);
  const state = disturbedState(architecture);
  const images = uniformValues(n * 3 * h * w, 0, 1, SEED);
  const labels = wholeValues(n, classes, SEED);

  // Float64.
  const graph = new Graph();
  const nodes = new Map<string, Node>();
  for (const [name, tensor] of state) nodes.set(name, leaf(floats(tensor)));
  const x = leaf(images);
  const network = { depth: 10, width: 1, classes, parameter: (name: string) => nodes.get(name)! };
  const { logits, taps } = reference(graph, network, { n, c: 3, h, w, node: x });
  const teacherMaps = taps.map((tap, i) => {
    const count = tap.n * tap.h * tap.w;
    return Float32Array.from(normalValues(count, SEED + i), Math.abs);
  });
  const attentionLoss = (i: number, tap: Float64Array) => {
    const map = attention.attentionMap(tap, mapGeometry(taps[i]!), OPERATOR);
    return attention.attentionDistance(map, teacherMaps[i]!, taps[i]!.h * taps[i]!.w);
  };
  const expectedLosses = [
    crossEntropyReference(logits.value, labels, classes),
    ...taps.map((tap, i) => attentionLoss(i, tap.node.value)),
  ];
  logits.gradient.set(crossEntropyGradient(logits.value, labels, classes));
  for (const [i, { node }] of taps.entries()) {
    const gradient = numericalGradient((tap) => attentionLoss(i, tap!), [node.value], 0);
    node.gradient.set(gradient.map((value) => betas[i]! * value));
  }
  graph.backward();

  // The same on the GPU.
  const model = loadModel(gpu, architecture, state, "the test");
  const lookup = tensorLookup(model);
  const [batch, target] = upload([{ shape: [n, 3, h, w], values: images }, {
    shape: [n],
    values: labels,
  }]);
  const tape = new Tape(gpu.capabilities);
  const student = architecture.forward(tape, lookup, batch!, "training");
  const losses = [
    { loss: crossEntropy(tape, student.logits, target!), weight: 1 },
    ...student.taps.map((tap, i) => ({
      loss: attentionDistance(
        tape,
        attentionMap(tape, tap, OPERATOR),
        tape.constant([n, 1, tap.shape[2]!, tap.shape[3]!], teacherMaps[i]!, `teacher ${i}`),
      ),
      weight: betas[i]!,
    })),
  ];
  const names = architecture.entries.filter(({ kind }) => kind === "parameter")
    .map(({ name }) => name);
  const gradients = tape.gradients(losses, [...names.map(lookup), batch!]);
  const outputs = [student.logits, ...losses.map(({ loss }) => loss), ...gradients];
  for (const tensor of outputs) tape.keep(tensor);
  const program = buildProgram(gpu, tape);
  program.prepare();
  program.run();

  assertNear(await program.read(student.logits), logits.value, 1e-5, "logits");
  for (const [i, { loss }] of losses.entries()) {
    assertNear(await program.read(loss), [expectedLosses[i]!], 1e-5, `loss ${i}`);
  }
  for (const [i, name] of names.entries()) {
    const found = await program.read(gradients[i]!);
    assertNear(found, nodes.get(name)!.gradient, 1e-4, `gradient of ${name}`);
  }
  assertNear(await program.read(gradients.at(-1)!), x.gradient, 1e-4, "gradient of the images");

  const after = await readModel(gpu, model);
  const running = (part: string) => floats(state.get(`bn1.running_${part}`)!);
  const last = taps.at(-1)!;
  const expected = updatedStatistics(last, last.node.value, {
    mean: running("mean"),
    variance: running("var"),
  });
  assertNear(floats(after.get("bn1.running_mean")!), expected.mean, 1e-5, "running mean");
  assertNear(floats(after.get("bn1.running_var")!), expected.variance, 1e-5, "running variance");
  program[Symbol.dispose]();
  model[Symbol.dispose]();
});

Deno.test("a network gives the same bits in shared memory as with every tensor kept, in less space", async () => {
  const [n, h, w, classes] = [3, 8, 4, 5];
  const architecture = wideResNet(10, 1, classes);
  const names = architecture.entries.filter(({ kind }) => kind === "parameter")
    .map(({ name }) => name);
  const inputs = upload([
    { shape: [n, 3, h, w], values: uniformValues(n * 3 * h * w, 0, 1, SEED) },
    { shape: [n], values: wholeValues(n, classes, SEED) },
  ]);
  const run = async (keepAll: boolean) => {
    const model = loadModel(gpu, architecture, disturbedState(architecture), "the test");
    const tape = new Tape(gpu.capabilities);
    const lookup = tensorLookup(model);
    const { logits } = architecture.forward(tape, lookup, inputs[0]!, "training");
    const loss = crossEntropy(tape, logits, inputs[1]!);
    const gradients = tape.gradients([{ loss, weight: 1 }], names.map(lookup));
    const transient = new Set(
      tape.steps.flatMap((step) => step.writes).filter((tensor) => !tensor.location),
    );
    for (const tensor of keepAll ? transient : gradients) tape.keep(tensor);
    const program = buildProgram(gpu, tape);
    program.prepare();
    program.run();
    const values = await Promise.all(gradients.map((gradient) => program.read(gradient)));
    const { bytes } = program;
    program[Symbol.dispose]();
    model[Symbol.dispose]();
    return {
      values,
      bytes,
      all: [...transient].reduce((sum, tensor) => sum + 4 * size(tensor), 0),
    };
  };
  const shared = await run(false);
  const kept = await run(true);
  assert.ok(kept.bytes >= kept.all);
  // Activations must outlive the forward pass, and the gradients are kept; the rest shares memory.
  assert.ok(shared.bytes < 0.8 * shared.all, `${shared.bytes} of ${shared.all} bytes`);
  assert.deepEqual(shared.values, kept.values);
  free(inputs);
});

for (const [depth, width, h, w] of [[10, 2, 8, 8], [40, 1, 8, 8], [16, 1, 12, 7]] as const) {
  Deno.test(`logits and taps of wrn-${depth}-${width} in evaluation match the float64 reference at ${h}x${w}`, async () => {
    const n = 2;
    const architecture = wideResNet(depth, width, 7);
    assert.equal(architecture.name, `wrn-${depth}-${width}`);
    const state = disturbedState(architecture);
    const images = uniformValues(n * 3 * h * w, 0, 1, SEED);
    const values = (name: string) => floats(state.get(name)!);
    const expected = reference(new Graph(), {
      depth,
      width,
      classes: 7,
      parameter: (name) => leaf(values(name)),
      statistics: (name) => ({
        mean: values(`${name}.running_mean`),
        variance: values(`${name}.running_var`),
      }),
    }, { n, c: 3, h, w, node: leaf(images) });

    const model = loadModel(gpu, architecture, state, "the test");
    const [batch] = upload([{ shape: [n, 3, h, w], values: images }]);
    const tape = new Tape(gpu.capabilities);
    const found = architecture.forward(tape, tensorLookup(model), batch!, "evaluation");
    for (const tensor of [found.logits, ...found.taps]) tape.keep(tensor);
    const program = buildProgram(gpu, tape);
    program.prepare();
    program.run();
    assertNear(await program.read(found.logits), expected.logits.value, 2e-5, "logits");
    assert.equal(found.taps.length, 3);
    for (const [i, tap] of found.taps.entries()) {
      const { n, c, h, w, node } = expected.taps[i]!;
      assert.deepEqual(tap.shape, [n, c, h, w]);
      assertNear(await program.read(tap), node.value, 2e-5, `tap ${i + 1}`);
    }
    program[Symbol.dispose]();
    model[Symbol.dispose]();
  });
}

Deno.test("wideResNet() has as many parameters as the papers' networks", () => {
  const count = (depth: number, width: number) => parameterCount(wideResNet(depth, width, 10));
  assert.equal(count(16, 1), 175_066);
  // Zagoruyko & Komodakis (2016), table 4: wrn-40-1 has 0.6 M, wrn-40-2 2.2 M, wrn-28-10 36.5 M.
  assert.equal((count(40, 1) / 1e6).toFixed(1), "0.6");
  assert.equal((count(40, 2) / 1e6).toFixed(1), "2.2");
  assert.equal((count(28, 10) / 1e6).toFixed(1), "36.5");
});

Deno.test({
  name: "names, order and shapes of wrn-16-1 are those of the published checkpoints",
  ignore: !present(),
  async fn() {
    for (const which of ["student", "teacher"] as const) {
      const state = await publishedState(which);
      assert.deepEqual(
        wideResNet(16, 1, 10).entries.map(({ name, shape }) => ({ name, shape })),
        [...state].map(([name, { shape }]) => ({ name, shape })),
      );
    }
  },
});

Deno.test("wideResNet() throws for a depth, width or class count that cannot be", () => {
  for (const depth of [4, 12, 16.5, NaN, -2]) {
    assert.throws(
      () => wideResNet(depth, 1, 10),
      new UsageError(
        `cannot build a WideResNet of depth ${depth}: expected 6 n + 4, for example 10, 16, 28 or 40, ` +
          "up to 1000",
      ),
    );
  }
  for (const width of [0, -1, 1.5]) {
    assert.throws(
      () => wideResNet(16, width, 10),
      new UsageError(`cannot build a WideResNet of width ${width}: expected 1 to 100`),
    );
  }
  for (const classes of [1, 0, 2.5]) {
    assert.throws(
      () => wideResNet(16, 1, classes),
      new UsageError(`cannot build a WideResNet for ${classes} classes: expected 2 or more`),
    );
  }
});
