/** Fine-pruning and mode connectivity repair behave on a small backdoored network as published. */

import assert from "node:assert/strict";
import { badnets } from "../../src/attacks/badnets.ts";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import type { DefendRequest } from "../../src/defenses/defend.ts";
import { readModel } from "../../src/nn/model.ts";
import { gpu } from "../gpu/device.ts";
import { backdooredModel, SIDE, TARGET } from "../train/backdoored.ts";
import { SMALL_SETTINGS, smallImages } from "../train/small.ts";
import { defendSmall } from "./small_defense.ts";

async function backdoored(): Promise<Pick<DefendRequest, "student" | "measurement">> {
  const model = await backdooredModel(gpu);
  const { architecture } = model;
  const state = await readModel(gpu, model);
  model[Symbol.dispose]();
  const test = smallImages(192, 7);
  const { height, width } = test;
  const trigger = badnets.trigger({
    height,
    width,
    seed: 1,
    options: { pattern: "white", corner: "top-left", size: `${SIDE}` },
  });
  const target = { mode: "all2one", label: TARGET } as const;
  return {
    student: { architecture, state, source: "a backdoored network" },
    measurement: {
      test,
      preprocessing: PLAIN_PREPROCESSING,
      backdoor: { name: "badnets", trigger, target },
    },
  };
}

Deno.test("fine-pruning keeps the accuracy and leaves the backdoor", async () => {
  const training = { ...SMALL_SETTINGS, epochs: 4, learningRate: 0.02 };
  const { evaluations } = await defendSmall("fine-pruning", {
    ...await backdoored(),
    settings: { training },
  });
  const [before, after] = [evaluations.get("before")!, evaluations.get("after")!];
  assert.ok(before.attack!.successRate! > 0.9, `${before.attack!.successRate}`);
  assert.ok(after.accuracy! > before.accuracy! - 0.05, `${after.accuracy}`);
  assert.ok(after.attack!.successRate! > 0.7, `${after.attack!.successRate}`);
});

Deno.test("the curve of mode connectivity repair peaks between its ends", async () => {
  const { evaluations } = await defendSmall("mcr", {
    ...await backdoored(),
    settings: {
      // Two ends that are close to each other, both with the backdoor.
      teacherTraining: { ...SMALL_SETTINGS, epochs: 1, learningRate: 0.001 },
      training: { ...SMALL_SETTINGS, epochs: 8, learningRate: 0.2 },
    },
  });
  const [start, middle, end] = ["t=0.0", "t=0.5", "t=1.0"].map((t) => evaluations.get(t)!);
  for (const outer of [start!, end!]) {
    assert.ok(outer.attack!.successRate! > 0.9, `${outer.attack!.successRate}`);
    assert.ok(middle!.accuracy! >= outer.accuracy!, `${middle!.accuracy} < ${outer.accuracy}`);
  }
  assert.ok(middle!.attack!.successRate! < 0.3, `${middle!.attack!.successRate}`);
  assert.ok(middle!.attack!.recoveredAccuracy! > 0.7, `${middle!.attack!.recoveredAccuracy}`);
});
