/** Fine-pruning: what is pruned stays silent, and clean accuracy sets how much. */

import assert from "node:assert/strict";
import { prune } from "../../src/defenses/fine_pruning.ts";
import { UsageError } from "../../src/errors.ts";
import { floats } from "../../src/nn/state.ts";
import { smallImages } from "../train/small.ts";
import { defendSmall, SMALL_DEFENSE, smallStudent } from "./small_defense.ts";

interface Pruning {
  readonly pruned: number;
  readonly channels: number;
  readonly order: readonly number[];
  readonly accuracies: readonly number[];
}

/** A network that has learned its task. */
async function trained() {
  const training = { ...SMALL_DEFENSE.training, epochs: 8 };
  const { state, evaluations } = await defendSmall("finetune", { settings: { training } });
  assert.ok(evaluations.get("after")!.accuracy! > 0.8);
  return { ...smallStudent(1), state };
}

Deno.test("fine-pruning prunes as far as held-out accuracy allows, and pruned channels stay silent", async () => {
  const student = await trained();
  const { state, notes, evaluations } = await defendSmall("fine-pruning", {
    student,
    settings: { floor: 5 },
  });
  const { pruned, channels, order, accuracies } = notes.get("pruning") as Pruning;
  assert.equal(channels, 64);
  assert.deepEqual([...order].sort((a, b) => a - b), [...Array(64).keys()]);
  assert.ok(pruned > 10, `${pruned} pruned`);
  const floor = accuracies[0]! - 0.05;
  assert.ok(accuracies.slice(0, pruned + 1).every((accuracy) => accuracy >= floor));
  assert.ok(pruned === 63 || accuracies[pruned + 1]! < floor);

  const gamma = floats(state.get("bn1.weight")!);
  const silent = new Set(order.slice(0, pruned));
  for (let c = 0; c < channels; c++) assert.equal(gamma[c] === 0, silent.has(c), `channel ${c}`);
  const beta = floats(state.get("bn1.bias")!);
  assert.ok(order.slice(0, pruned).every((c) => beta[c] === 0));
  assert.ok(evaluations.get("after")!.accuracy! >= evaluations.get("pruned")!.accuracy! - 0.1);
});

Deno.test("fine-pruning predicts the accuracy of the pruned network", async () => {
  const student = await trained();
  const test = smallImages(32, 5);
  const { preprocessing } = SMALL_DEFENSE.training;
  const { notes, evaluations } = await defendSmall("fine-pruning", {
    student,
    heldOut: test,
    measurement: { test, preprocessing },
    settings: { floor: 5 },
  });
  const { pruned, accuracies } = notes.get("pruning") as Pruning;
  assert.equal(evaluations.get("pruned")!.accuracy!, accuracies[pruned]);
});

Deno.test("prune() changes the last batch norm and nothing else", () => {
  const { state } = smallStudent(1);
  const pruned = prune(state, [3, 5]);
  for (const [name, tensor] of state) {
    if (name === "bn1.weight") {
      assert.deepEqual(
        [...floats(pruned.get(name)!)],
        [...floats(tensor)].map((value, c) => c === 3 || c === 5 ? 0 : value),
      );
    } else if (name !== "bn1.bias") assert.equal(pruned.get(name), tensor);
  }
});

Deno.test("fine-pruning refuses a floor below nothing", async () => {
  await assert.rejects(
    defendSmall("fine-pruning", { settings: { floor: 100 } }),
    (error) =>
      error instanceof UsageError &&
      /^cannot keep accuracy within 100 points: it is [\d.]+ % before anything is pruned; /.test(
        error.message,
      ),
  );
});
