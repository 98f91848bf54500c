/** Snapshots that training cannot go on from are refused in words. */

import assert from "node:assert/strict";
import { FormatError, type LetheError, ModelError } from "../../src/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { checkSnapshot, decodeSnapshot, encodeSnapshot } from "../../src/runs/snapshot_file.ts";
import type { PhaseSnapshot } from "../../src/train/train.ts";

const tensor = (values: readonly number[]) => ({
  dtype: "float32" as const,
  shape: [values.length],
  data: Float32Array.from(values),
});

/** A network of one parameter and one statistic. */
const ARCHITECTURE = {
  name: "small",
  classes: 2,
  norms: [],
  entries: [
    { name: "w", shape: [2], kind: "parameter", initial: { constant: 0 } },
    { name: "mean", shape: [1], kind: "statistic", initial: { constant: 0 } },
  ],
} as unknown as Parameters<typeof checkSnapshot>[1]["architecture"];

const STATE = new Map([["w", tensor([1, 2])], ["mean", tensor([3])]]);

const SNAPSHOT: PhaseSnapshot = {
  phase: "student",
  epoch: 2,
  state: STATE,
  velocity: new Map([["w", tensor([0, 1])]]),
  average: STATE,
  kept: { epoch: 1, bestAccuracy: 0.5, bestEpoch: 1, state: STATE },
};

Deno.test("decodeSnapshot() reads what encodeSnapshot() wrote, and a file without a digest", async () => {
  const bytes = await encodeSnapshot(SNAPSHOT);
  assert.deepEqual(await decodeSnapshot(bytes, "file"), { snapshot: SNAPSHOT, checked: true });
  const { tensors, metadata } = readSafetensors(bytes, "file");
  metadata.delete("sha256");
  const old = writeSafetensors(tensors, metadata);
  assert.deepEqual(await decodeSnapshot(old, "file"), { snapshot: SNAPSHOT, checked: false });
});

Deno.test("decodeSnapshot() refuses epochs and choices that cannot be", async () => {
  const { tensors, metadata } = readSafetensors(await encodeSnapshot(SNAPSHOT), "file");
  metadata.delete("sha256");
  for (
    const change of [
      { epoch: "-3" },
      { epoch: "1.5" },
      { epoch: "" },
      { kept: "{" },
      { kept: '{"epoch":3,"bestAccuracy":1,"bestEpoch":1}' },
      { kept: '{"epoch":1,"bestAccuracy":7,"bestEpoch":1}' },
    ]
  ) {
    const changed = new Map([...metadata, ...Object.entries(change)] as [string, string][]);
    await assert.rejects(
      decodeSnapshot(writeSafetensors(tensors, changed), "file"),
      FormatError,
      JSON.stringify(change),
    );
  }
});

/** What a snapshot may lack, and the error. */
const UNFIT: readonly (readonly [string, Partial<PhaseSnapshot>, typeof LetheError, RegExp])[] = [
  ["more epochs than the phase has", { epoch: 999 }, FormatError, /found epoch 999 of "student"/],
  ["no momentum", { velocity: new Map() }, FormatError, /no whole momentum/],
  [
    "half a momentum",
    { velocity: new Map([["w", tensor([1])]]) },
    FormatError,
    /no whole momentum/,
  ],
  [
    "a momentum that is not finite",
    { velocity: new Map([["w", tensor([1, NaN])]]) },
    FormatError,
    /no whole momentum/,
  ],
  ["no statistic", { state: new Map([["w", tensor([1, 2])]]) }, ModelError, /mean is missing/],
  ["half an average", { average: new Map([["w", tensor([1])]]) }, ModelError, /expected \[2\]/],
];

for (const [what, change, kind, message] of UNFIT) {
  Deno.test(`checkSnapshot() refuses a snapshot with ${what}`, () => {
    const check = (snapshot: PhaseSnapshot) =>
      checkSnapshot(snapshot, { architecture: ARCHITECTURE, epochs: 3, source: "file" });
    check(SNAPSHOT);
    assert.throws(() => check({ ...SNAPSHOT, ...change }), (error: Error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}
