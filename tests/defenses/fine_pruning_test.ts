/** Fine-pruning: what is pruned stays silent, and clean accuracy sets how much. */

import assert from "node:assert/strict";
import { prune, prunedAccuracies } from "../../src/defenses/fine_pruning.ts";
import { UsageError } from "../../src/errors.ts";
import { floats, type NamedState } from "../../src/nn/state.ts";
import { wholeValues } from "../reference/values.ts";
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
  const { architecture, state } = smallStudent(1);
  const { state: pruned, fixed } = prune(architecture, state, [3, 5]);
  assert.equal(fixed.size, 0);
  for (const [name, tensor] of state) {
    if (name === "bn1.weight") {
      assert.deepEqual(
        [...floats(pruned.get(name)!)],
        [...floats(tensor)].map((value, c) => c === 3 || c === 5 ? 0 : value),
      );
    } else if (name !== "bn1.bias") assert.equal(pruned.get(name), tensor);
  }
});

/** The same network as one without a norm that leads to the head alone, as post-activation ones are. */
function withoutLastNorm(student: NamedState): NamedState {
  const { name, classes, entries, norms, head, forward } = student.architecture;
  return { ...student, architecture: { name, classes, entries, norms, head, forward } };
}

Deno.test("fine-pruning silences the head where no norm leads to it, and finetuning leaves it so", async () => {
  const student = withoutLastNorm(await trained());
  const { state, notes, evaluations } = await defendSmall("fine-pruning", {
    student,
    settings: { floor: 5 },
  });
  const { pruned, order, accuracies } = notes.get("pruning") as Pruning;
  assert.ok(pruned > 10, `${pruned} pruned`);
  assert.ok(accuracies[pruned]! >= accuracies[0]! - 0.05);
  const weight = floats(state.get("fc.weight")!);
  const silent = new Set(order.slice(0, pruned));
  for (const [i, value] of weight.entries()) assert.equal(value === 0, silent.has(i % 64));
  assert.notDeepEqual(weight, floats(student.state.get("fc.weight")!));
  assert.ok(floats(state.get("bn1.weight")!).every((value) => value !== 0));
  assert.ok(evaluations.get("after")!.accuracy! >= evaluations.get("pruned")!.accuracy! - 0.1);
});

Deno.test("prune() finds a channel's weights in a head that is stored transposed", () => {
  const { architecture, state } = withoutLastNorm(smallStudent(1));
  const turned = {
    ...architecture,
    head: { weight: "fc.weight", bias: "fc.bias", transposed: true },
  };
  const { fixed } = prune(turned, state, [2]);
  assert.deepEqual(fixed.get("fc.weight"), [6, 7, 8]);
});

Deno.test("prunedAccuracies() equals leaving channels out one by one, ties and silence included", () => {
  const [count, channels, classes] = [40, 7, 3];
  const random = (size: number, seed: number) =>
    Float32Array.from(wholeValues(size, 9, seed), (value) => value - 4);
  const head = { weight: random(classes * channels, 1), bias: random(classes, 2), channels };
  const features = random(count * channels, 3).map((value) => Math.max(0, value));
  const labels = wholeValues(count, classes, 4);
  const order = [4, 0, 6, 2, 5, 1, 3];
  const expected = order.map((_, pruned) => {
    const silent = new Set(order.slice(0, pruned));
    let correct = 0;
    for (let n = 0; n < count; n++) {
      const logits = Array.from(head.bias, (bias, k) => {
        let sum = bias;
        for (let c = 0; c < channels; c++) {
          if (!silent.has(c)) sum += head.weight[k * channels + c]! * features[n * channels + c]!;
        }
        return sum;
      });
      if (logits.indexOf(Math.max(...logits)) === labels[n]) correct++;
    }
    return correct / count;
  });
  assert.deepEqual(prunedAccuracies(head, features, labels, order), expected);
});

Deno.test("prunedAccuracies() of 640 channels and 2,500 images takes no minutes", () => {
  const [count, channels, classes] = [2500, 640, 10];
  const head = {
    weight: new Float32Array(classes * channels).fill(1),
    bias: new Float32Array(classes),
    channels,
  };
  const features = new Float32Array(count * channels).fill(1);
  const order = Array.from({ length: channels }, (_, c) => c);
  const start = performance.now();
  const accuracies = prunedAccuracies(head, features, new Uint8Array(count), order);
  assert.ok(accuracies.every((accuracy) => accuracy === 1));
  // Some 0.1 s; channel by channel anew it was four minutes.
  assert.ok(performance.now() - start < 20_000);
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
