/** The variants of attention distillation. */

import assert from "node:assert/strict";
import { TrainingError, UsageError } from "../../src/errors.ts";
import { defendSmall, SMALL_DEFENSE, smallStudent } from "./small_defense.ts";

const { distillation } = SMALL_DEFENSE;

Deno.test("nad with all betas 0 is finetuning, bit for bit", async () => {
  const controlled = await defendSmall("nad", {
    settings: { distillation: { ...distillation, betas: [0, 0, 0] } },
  });
  const { state } = await defendSmall("finetune");
  assert.deepEqual(controlled.state, state);
});

Deno.test("each variant of distillation comes to a network of its own", async () => {
  const variants = [
    distillation,
    { ...distillation, kind: "features" },
    { ...distillation, distance: "l2" },
    { ...distillation, betas: [0, 1000, 0] },
    { ...distillation, operator: { reduction: "mean", power: 1 } },
  ] as const;
  const found = new Set<string>();
  for (const variant of variants) {
    const { state } = await defendSmall("nad", { settings: { distillation: variant } });
    found.add(String(state.get("conv1.weight")!.data));
  }
  assert.equal(found.size, variants.length);
});

Deno.test("iterated nad measures each result on the way to the last", async () => {
  const { evaluations, phases } = await defendSmall("nad", { settings: { iterations: 3 } });
  assert.deepEqual(phases, ["teacher", "student-1", "student-2", "student-3"]);
  assert.deepEqual([...evaluations.keys()], [
    "before",
    "teacher",
    "student-1",
    "student-2",
    "after",
  ]);
});

Deno.test("nad distils from a given teacher as it is", async () => {
  const { evaluations, phases } = await defendSmall("nad", { teacher: smallStudent(2) });
  assert.deepEqual(phases, ["student"]);
  assert.ok(evaluations.has("teacher"));
});

Deno.test("nad refuses a teacher of its own making that has lost too much", async () => {
  const training = { ...SMALL_DEFENSE.teacherTraining };
  const first = await defendSmall("finetune", {
    settings: { training: { ...training, epochs: 8 } },
  });
  // From a good network a learning rate of 5 leads nowhere.
  await assert.rejects(
    defendSmall("nad", {
      student: { ...smallStudent(1), state: first.state },
      settings: {
        teacherFloor: 1,
        teacherTraining: { ...training, epochs: 1, learningRate: 5 },
      },
    }),
    (error) =>
      error instanceof TrainingError &&
      /^cannot use the finetuned teacher: its held-out accuracy fell by [\d.]+ points to [\d.]+ %, expected at most 1; /
        .test(error.message),
  );
});

Deno.test("auto betas grow until held-out accuracy falls below the floor", async () => {
  const { notes, phases } = await defendSmall("nad", {
    settings: { autoBetas: true, floor: 1 },
  });
  const { before, floor, tries } = notes.get("autoBetas") as {
    before: number;
    floor: number;
    tries: { betas: number[]; heldOutAccuracy: number }[];
  };
  assert.equal(floor, before - 0.01);
  assert.deepEqual(phases, ["teacher", ...tries.map((_, i) => `student-x${4 ** i}`)]);
  for (const [i, { betas }] of tries.entries()) {
    assert.deepEqual(betas, distillation.betas.map((beta) => beta * 4 ** i));
  }
  const missed = tries.findIndex(({ heldOutAccuracy }) => heldOutAccuracy < floor);
  assert.ok(missed < 0 ? tries.length === 4 : missed === tries.length - 1);
});

Deno.test("auto betas need held-out images and a floor above nothing", async () => {
  const settings = { autoBetas: true };
  await assert.rejects(
    defendSmall("nad", { heldOut: undefined, settings }),
    new UsageError(
      "cannot choose betas without held-out images: leave --held-out above 0, or give --betas",
    ),
  );
  await assert.rejects(
    defendSmall("nad", { settings: { ...settings, floor: 100 } }),
    (error) =>
      error instanceof UsageError &&
      /^cannot keep accuracy within 100 points: it is [\d.]+ % on the held-out images before /.test(
        error.message,
      ),
  );
});
