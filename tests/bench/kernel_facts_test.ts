import assert from "node:assert/strict";
import {
  convolutionFlops,
  fusionsOf,
  type KernelFacts,
  kernelFacts,
  splitLabel,
} from "../../src/bench/kernel_facts.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { crossEntropy } from "../../src/tensor/operations/cross_entropy.ts";
import { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { gpu } from "../gpu/device.ts";

/** Facts of the kernels that a training step of `wrn-10-1` on 32x32 images records. */
function recordedFacts(batch: number): KernelFacts[] {
  const architecture = wideResNet(10, 1, 10);
  const tape = new Tape(gpu.capabilities);
  const state = new Map<string, Tensor>(
    architecture.entries.map(({ name, shape }) => [name, tape.transient(shape, name)]),
  );
  const x = tape.transient([batch, 3, 32, 32], "x");
  const { logits } = architecture.forward(tape, (name) => state.get(name)!, x, "training");
  const loss = crossEntropy(tape, logits, tape.transient([batch], "labels", "u32"));
  const parameters = architecture.entries.filter(({ kind }) => kind === "parameter");
  tape.gradients([{ loss, weight: 1 }], parameters.map(({ name }) => state.get(name)!));
  return tape.steps.map(kernelFacts);
}

Deno.test("kernelFacts() finds every convolution of a training step in all its directions", () => {
  const facts = recordedFacts(3);
  const shapes = (name: string) =>
    facts.filter((fact) => fact.name === name).map(({ shape }) => shape).sort();
  const layers = [
    "3x16x32x32 -> 16, 3x3",
    "3x16x32x32 -> 16, 3x3",
    "3x16x32x32 -> 32, 1x1 stride 2",
    "3x16x32x32 -> 32, 3x3 stride 2",
    "3x32x16x16 -> 32, 3x3",
    "3x32x16x16 -> 64, 1x1 stride 2",
    "3x32x16x16 -> 64, 3x3 stride 2",
    "3x64x8x8 -> 64, 3x3",
  ];
  const all = ["3x3x32x32 -> 16, 3x3", ...layers].sort();
  assert.deepEqual(shapes("convolution forward"), all);
  assert.deepEqual(shapes("convolution weight gradient"), all);
  assert.deepEqual(shapes("convolution input gradient"), layers.toSorted());
});

Deno.test("fusionsOf() names what is fused with the convolutions of a step", () => {
  const facts = recordedFacts(2);
  const named = (name: string) => facts.filter((fact) => fact.name === name);
  const first = named("convolution forward").find(({ shape }) => shape === "2x3x32x32 -> 16, 3x3")!;
  assert.deepEqual(fusionsOf(first.convolution), ["statistics"]);
  assert.match(first.convolution!.variant, /^[a-z]+$/);
  // Every block's second convolution reads an activation and adds the shortcut.
  const withResidual = named("convolution forward").map((fact) => fusionsOf(fact.convolution))
    .filter((fusions) => fusions.includes("residual"));
  assert.equal(withResidual.length, 3);
  for (const fusions of withResidual) {
    assert.deepEqual(fusions.slice(0, 2), ["batch norm + relu", "residual"]);
  }
  const weights = named("convolution weight gradient").map((fact) => fusionsOf(fact.convolution));
  assert.equal(weights.filter(([fusion]) => fusion === "batch norm + relu").length, 8);
});

Deno.test("convolutionFlops() counts two operations for each product, padding included", () => {
  const geometry = {
    batch: 2,
    inChannels: 3,
    height: 9,
    width: 7,
    outChannels: 5,
    kernelSize: 3,
    stride: 2,
    padding: 1,
  };
  assert.equal(convolutionFlops(geometry), 2 * 2 * 5 * (5 * 4) * 3 * 9);
});

Deno.test("the convolutions of wrn-16-1 take 53 million operations an image going forward", () => {
  const layers: readonly (readonly [number, number, number, number, number, number])[] = [
    [1, 3, 32, 16, 3, 1],
    [4, 16, 32, 16, 3, 1],
    [1, 16, 32, 32, 3, 2],
    [1, 16, 32, 32, 1, 2],
    [3, 32, 16, 32, 3, 1],
    [1, 32, 16, 64, 3, 2],
    [1, 32, 16, 64, 1, 2],
    [3, 64, 8, 64, 3, 1],
  ];
  const total = layers.reduce((sum, [count, inChannels, side, outChannels, kernelSize, stride]) => {
    const padding = (kernelSize - 1) / 2;
    const image = { batch: 1, inChannels, height: side, width: side };
    return sum + count * convolutionFlops({ ...image, outChannels, kernelSize, stride, padding });
  }, 0);
  assert.equal(Math.round(total / 1e6), 53);
});

Deno.test("kernelFacts() counts the bytes of all tensors, and of gathered images a byte each", () => {
  const tensor = (shape: number[]) => ({ shape, type: "f32" as const, label: "t" });
  const kernel = (label: string) => ({ label, wgsl: "", workgroups: [1, 1, 1] as const });
  const step = (label: string) => ({
    kernel: kernel(label),
    reads: [tensor([1000])],
    writes: [tensor([8]), tensor([4])],
    once: false,
  });
  assert.equal(kernelFacts(step("add 1000")).bytes, 4 * 1012);
  assert.equal(kernelFacts(step("gather 1x3x2x2")).bytes, 12 * 5);
});

Deno.test("splitLabel() parts the operation from its shape", () => {
  assert.deepEqual(splitLabel("batch norm + relu (8,64,8,8)"), {
    name: "batch norm + relu",
    shape: "(8,64,8,8)",
  });
  assert.deepEqual(splitLabel("sum 8 parts of 432"), { name: "sum", shape: "8 parts of 432" });
  assert.deepEqual(splitLabel("advance"), { name: "advance", shape: "" });
});
