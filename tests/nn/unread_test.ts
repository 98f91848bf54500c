import assert from "node:assert/strict";
import { ModelError } from "../../src/errors.ts";
import type { HostTensor } from "../../src/formats/host_tensor.ts";
import { architectureOf, inferArchitecture } from "../../src/nn/architectures.ts";
import { checkState, initialState } from "../../src/nn/state.ts";
import { unreadNames } from "../../src/nn/unread.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";

const ARCHITECTURE = wideResNet(10, 1, 4);

const zeros = (...shape: number[]): HostTensor => ({
  dtype: "float32",
  shape,
  data: new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
});

/** The unread tensors of a good state with `extra` ones. */
function unreadOf(...extra: (readonly [string, HostTensor])[]): string[] {
  const state = new Map([...initialState(ARCHITECTURE, 1), ...extra]);
  const architecture = architectureOf(state, "a.pth", "wrn-10-1");
  assert.deepEqual(architecture.entries, inferArchitecture(state, "a.pth").entries);
  checkState(architecture, state, "a.pth");
  return unreadNames(architecture);
}

Deno.test("tensors of modules that a network does not have are left unread", () => {
  assert.deepEqual(unreadOf(), []);
  assert.deepEqual(
    unreadOf(["sub_block1.layer.0.conv1.weight", zeros(16, 16, 3, 3)], ["temperature", zeros()]),
    ["sub_block1.layer.0.conv1.weight", "temperature"],
  );
  const nan: HostTensor = { dtype: "float32", shape: [1], data: Float32Array.of(NaN) };
  assert.deepEqual(unreadOf(["ema", nan]), ["ema"], "whatever they hold");
});

Deno.test("biases of zero of a network's convolutions are left unread, others are refused", () => {
  const ones: HostTensor = { ...zeros(16), data: new Float32Array(16).fill(1) };
  assert.deepEqual(unreadOf(["conv1.bias", zeros(16)]), ["conv1.bias"]);
  assert.throws(
    () => unreadOf(["conv1.bias", ones]),
    new ModelError(
      "cannot load a.pth as wrn-10-1 with 4 classes: conv1.bias is not part of wrn-10-1, whose " +
        "convolutions have no biases but those of zero",
    ),
  );
  assert.throws(() => unreadOf(["conv1.bias", zeros(3)]), ModelError);
});

Deno.test("unknown tensors inside a network's own modules are refused, a deeper block among them", () => {
  for (const name of ["block2.layer.1.conv1.weight", "bn1.extra", "block1.\u001b[2J"]) {
    assert.throws(() => unreadOf([name, zeros(1)]), (error) => {
      assert.ok(error instanceof ModelError);
      assert.match(error.message, /is not part of wrn-10-1/);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(error.message, /[\x00-\x1f]/);
      return true;
    });
  }
});

Deno.test("numbers out of proportion in a name or a file are refused in words", () => {
  for (const name of ["wrn-60000000004-1", "wrn-1006-1", "wrn-16-101", "wrn-994-100"]) {
    assert.throws(
      () => architectureOf(initialState(ARCHITECTURE, 1), "a.pth", name),
      /^UsageError: cannot build a WideResNet of (depth|width) \d+.*expected/,
    );
  }
  const wide = new Map([
    ["conv1.weight", zeros(0)],
    ["block1.layer.0.conv1.weight", zeros(0)],
    ["fc.weight", zeros(2, 64 * 101)],
  ]);
  assert.throws(
    () => inferArchitecture(wide, "a.pth"),
    /^ModelError: cannot tell the architecture of a\.pth: .* width 101: expected 1 to 100/,
  );
  const deep = new Map([["conv1.weight", zeros(0)], ["fc.weight", zeros(2, 64)]]);
  for (let i = 0; i < 167; i++) deep.set(`block1.layer.${i}.conv1.weight`, zeros(0));
  assert.throws(() => inferArchitecture(deep, "a.pth"), /^ModelError: .* of depth 1006/);
});
