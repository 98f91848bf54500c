/** Mode connectivity: the curve's ends are its networks, and its middle is trained. */

import assert from "node:assert/strict";
import { curvePoint } from "../../src/train/curve.ts";
import { defendSmall, SMALL_DEFENSE, smallStudent } from "./small_defense.ts";

interface Point {
  readonly t: number;
  readonly heldOutAccuracy: number;
}

Deno.test("mcr measures the whole curve, each point with statistics of its own", async () => {
  const training = { ...SMALL_DEFENSE.training, epochs: 8 };
  const learned = await defendSmall("finetune", { settings: { training } });
  const student = { ...smallStudent(1), state: learned.state };
  const { notes, evaluations, phases } = await defendSmall("mcr", { student });
  assert.deepEqual(phases, ["end", "middle"]);
  const curve = notes.get("curve") as Point[];
  assert.deepEqual(curve.map(({ t }) => t), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  const accuracy = (stage: string) => evaluations.get(stage)!.accuracy;
  assert.ok(Math.abs(accuracy("t=0.0")! - accuracy("before")!) < 0.1, "the start is the network");
  const worst = Math.min(...curve.map(({ heldOutAccuracy }) => heldOutAccuracy));
  assert.ok(worst > 0.6, `the curve stays accurate: ${worst}`);
  assert.equal(accuracy("after"), accuracy("t=0.3"));
});

Deno.test("mcr of another position comes to another point", async () => {
  const near = await defendSmall("mcr", { settings: { curvePosition: 0.1 } });
  const far = await defendSmall("mcr", { settings: { curvePosition: 0.9 } });
  assert.equal(near.evaluations.get("after")!.accuracy, near.evaluations.get("t=0.1")!.accuracy);
  assert.notDeepEqual(near.state.get("conv1.weight"), far.state.get("conv1.weight"));
});

Deno.test("the middle of mcr's curve is not extrapolated", async () => {
  const training = { ...SMALL_DEFENSE.training, extrapolation: 0.5 };
  const plain = await defendSmall("mcr", { settings: { statistics: "clean" } });
  const same = await defendSmall("mcr", { settings: { statistics: "clean", training } });
  assert.deepEqual(same.state, plain.state);
});

Deno.test("curvePoint() is a quadratic Bézier curve", () => {
  const [a, m, b] = [Float32Array.of(1), Float32Array.of(5), Float32Array.of(3)];
  assert.deepEqual([0, 0.5, 1].map((t) => curvePoint(a, m, b, t)[0]), [1, 3.5, 3]);
});
