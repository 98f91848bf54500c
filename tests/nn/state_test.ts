import assert from "node:assert/strict";
import { ModelError, UsageError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { inferArchitecture, namedArchitecture } from "../../src/nn/architectures.ts";
import { checkState, floats, initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";

const ARCHITECTURE = wideResNet(10, 1, 4);

/** A good state, changed by `change`. */
function changed(change: (state: StateDict) => void): StateDict {
  const state = initialState(ARCHITECTURE, 1);
  change(state);
  return state;
}

function assertRefused(state: StateDict, message: string): void {
  assert.throws(() => checkState(ARCHITECTURE, state, "a.pth"), new ModelError(message));
}

const PREFIX = "cannot load a.pth as wrn-10-1 with 4 classes: ";

Deno.test("initialState() is a state of its architecture, equal for equal seeds only", () => {
  const state = initialState(ARCHITECTURE, 3);
  checkState(ARCHITECTURE, state, "a.pth");
  assert.deepEqual([...state.keys()], ARCHITECTURE.entries.map(({ name }) => name));
  assert.deepEqual(initialState(ARCHITECTURE, 3), state);
  const other = initialState(ARCHITECTURE, 4);
  assert.notDeepEqual(other.get("conv1.weight"), state.get("conv1.weight"));
  const gamma = floats(state.get("bn1.weight")!);
  assert.ok(gamma.every((value) => value === 1));
  assert.ok(floats(state.get("bn1.running_mean")!).every((value) => value === 0));
  assert.deepEqual(state.get("bn1.num_batches_tracked")!.data, BigInt64Array.of(0n));
});

Deno.test("initialState() draws convolutions with He's deviation by fan-out, tensors independently", () => {
  const state = initialState(wideResNet(16, 1, 10), 5);
  const deviation = (name: string) => {
    const values = floats(state.get(name)!);
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  };
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found / expected - 1) < 0.05, `${found}, expected ${expected}`);
  near(deviation("block3.layer.0.conv2.weight"), Math.sqrt(2 / (9 * 64)));
  near(deviation("block2.layer.1.conv1.weight"), Math.sqrt(2 / (9 * 32)));
  near(deviation("block3.layer.0.convShortcut.weight"), Math.sqrt(2 / 64));
  assert.notDeepEqual(
    state.get("block1.layer.0.conv1.weight")!.data,
    state.get("block1.layer.0.conv2.weight")!.data,
  );
});

Deno.test("checkState() names the first three tensors that are missing, misshapen or extra", () => {
  assertRefused(
    changed((state) => {
      state.delete("conv1.weight");
      state.delete("bn1.running_var");
    }),
    `${PREFIX}conv1.weight is missing; bn1.running_var is missing`,
  );
  assertRefused(
    changed((state) => {
      state.set("fc.bias", { dtype: "float32", shape: [5], data: new Float32Array(5) });
      state.set("fc.weight", { dtype: "float32", shape: [64, 4], data: new Float32Array(256) });
    }),
    `${PREFIX}fc.weight has shape [64, 4], expected [4, 64]; fc.bias has shape [5], expected [4]`,
  );
  assertRefused(
    changed((state) => {
      state.delete("conv1.weight");
      for (const name of ["a", "b", "c"]) {
        state.set(name, { dtype: "float32", shape: [1], data: new Float32Array(1) });
      }
    }),
    `${PREFIX}conv1.weight is missing; a is not part of wrn-10-1; b is not part of wrn-10-1; ` +
      "and 1 more",
  );
  assertRefused(
    changed((state) =>
      state.set("fc.bias", { dtype: "bool", shape: [4], data: new Uint8Array(4) })
    ),
    `${PREFIX}fc.bias holds bool values, expected numbers`,
  );
});

Deno.test("checkState() does without counters, which nothing computes with", () => {
  checkState(
    ARCHITECTURE,
    changed((state) => {
      for (const name of [...state.keys()]) {
        if (name.endsWith("num_batches_tracked")) state.delete(name);
      }
    }),
    "a.pth",
  );
});

Deno.test("checkState() refuses NaN, infinite values and negative variances", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    assertRefused(
      changed((state) => floats(state.get("fc.weight")!)[7] = value),
      `cannot use a.pth: element 7 of fc.weight is ${value}, expected finite numbers`,
    );
  }
  assertRefused(
    changed((state) => floats(state.get("bn1.running_var")!)[3] = -0.5),
    "cannot use a.pth: element 3 of bn1.running_var is -0.5, expected a variance of at least 0",
  );
});

Deno.test("inferArchitecture() finds depth, width and classes of every WideResNet", () => {
  for (
    const [depth, width, classes] of [[10, 1, 2], [10, 2, 43], [16, 1, 10], [40, 2, 10]] as const
  ) {
    const architecture = wideResNet(depth, width, classes);
    const found = inferArchitecture(initialState(architecture, 0), "a.pth");
    assert.equal(found.name, architecture.name);
    assert.equal(found.classes, classes);
    assert.deepEqual(found.entries, architecture.entries);
  }
});

Deno.test("inferArchitecture() throws where the names are not those of any family", () => {
  const scalar = { dtype: "float32", shape: [1], data: new Float32Array(1) } as const;
  const refused = (state: StateDict, found: string) =>
    assert.throws(() => inferArchitecture(state, "a.pth"), (error) => {
      assert.ok(error instanceof ModelError);
      const start = `cannot tell the architecture of a.pth: found ${found}; expected a WideResNet`;
      assert.ok(error.message.startsWith(start), error.message);
      return true;
    });
  refused(new Map(), "no tensors");
  refused(new Map(["a", "b", "c", "d"].map((name) => [name, scalar])), "a, b, c");
  assert.throws(
    () =>
      inferArchitecture(
        changed((state) =>
          state.set("fc.weight", { dtype: "float32", shape: [4, 63], data: new Float32Array(252) })
        ),
        "a.pth",
      ),
    new ModelError(
      "cannot tell the architecture of a.pth: fc.weight has shape [4, 63], expected a multiple of " +
        "64 inputs and 2 or more outputs",
    ),
  );
});

Deno.test("namedArchitecture() builds what it is told and throws for other names", () => {
  assert.equal(namedArchitecture("wrn-40-2", 43).name, "wrn-40-2");
  assert.equal(namedArchitecture("wrn-16-1", 43).classes, 43);
  for (const name of ["resnet_18", "wrn-16", "wrn-16-1-2", "WRN-16-1", ""]) {
    assert.throws(
      () => namedArchitecture(name, 10),
      (error) => {
        assert.ok(error instanceof UsageError);
        const start =
          `cannot build architecture "${name}": expected wrn-DEPTH-WIDTH or resnet-DEPTH`;
        assert.ok(error.message.startsWith(start), error.message);
        return true;
      },
    );
  }
});
