import assert from "node:assert/strict";
import { defenseVerdict } from "../../src/report/defense_verdict.ts";
import type { EvaluationDocument } from "../../src/runs/evaluation.ts";
import { CLASS_NAMES, evaluationOf, sampleAudit } from "./sample_run.ts";

const CLASSES_10 = Array.from({ length: 10 }, (_, label) => `class ${label}`);

/** A model of the given accuracy and, where the attack is known, its success. */
const model = (accuracy: number, success?: number) => evaluationOf(accuracy, success);

const verdict = (findings: Partial<Parameters<typeof defenseVerdict>[0]>) =>
  defenseVerdict({ classNames: CLASSES_10, ...findings });

/** Accuracy and attack success before and after -> headline and tone. */
const ATTACKED: readonly (readonly [
  before: readonly [accuracy: number, success: number],
  after: readonly [accuracy: number, success: number],
  headline: string,
  tone: string,
])[] = [
  [[0.95, 1], [0.94, 0.02], "The backdoor is erased", "good"],
  [[0.95, 1], [0.80, 0.02], "The backdoor is erased", "mixed"],
  [[0.95, 1], [0.94, 0.3], "The backdoor is weakened, not erased", "mixed"],
  [[0.95, 1], [0.94, 0.9], "The backdoor is still there", "bad"],
  [[0.95, 0.05], [0.94, 0.02], "There was no working backdoor to erase", "neutral"],
  [[0.95, 0.05], [0.94, 0.6], "The backdoor is still there", "bad"],
];

for (const [before, after, headline, tone] of ATTACKED) {
  Deno.test(`defenseVerdict() of ${before.join("/")} and ${after.join("/")} is: ${headline}`, () => {
    const found = verdict({ before: model(...before), after: model(...after) });
    assert.deepEqual([found.headline, found.tone], [headline, tone]);
    assert.match(found.limits.join(), /Only this trigger was measured/);
  });
}

/** Suspicious classes before and after -> headline and tone. */
const AUDITED = [
  [[2], [], "The suspicion is gone", "good"],
  [[2], [2], "The model is still suspicious", "bad"],
  [[], [1], "The model is suspicious", "bad"],
  [[], [], "Nothing suspicious was found", "neutral"],
] as const;

for (const [before, after, headline, tone] of AUDITED) {
  Deno.test(`defenseVerdict() of suspects [${before}] and [${after}] is: ${headline}`, () => {
    const found = verdict({
      classNames: CLASS_NAMES,
      before: model(0.95),
      after: model(0.94),
      auditBefore: sampleAudit(before),
      auditAfter: sampleAudit(after),
    });
    assert.deepEqual([found.headline, found.tone], [headline, tone]);
    assert.match(found.limits.join(), /No trigger is known/);
    assert.match(found.limits.join(), /can escape it/);
  });
}

Deno.test("defenseVerdict() says what the audit's numbers are", () => {
  const { evidence } = verdict({
    classNames: CLASS_NAMES,
    before: model(0.95),
    after: model(0.94),
    auditBefore: sampleAudit([2]),
    auditAfter: sampleAudit([]),
  });
  assert.match(
    evidence.join("\n"),
    /was 3\.7 before and is 1\.1 after; above 2 .* before: 2 \(blue\); after: none\./,
  );
});

Deno.test("defenseVerdict() admits what it cannot know without attack and audit", () => {
  const found = verdict({ before: model(0.95), after: model(0.95) });
  assert.equal(found.headline, "Cleaned; whether there was a backdoor is not known");
  assert.equal(found.tone, "neutral");
  assert.match(found.evidence[0]!, /unchanged/);
});

Deno.test("defenseVerdict() says where finetuning alone was as good", () => {
  const [before, after] = [model(0.95, 1), model(0.93, 0.04)];
  const text = (success: number) =>
    verdict({ before, after, teacher: model(0.94, success) }).evidence.join("\n");
  assert.match(text(0.03), /distillation has earned nothing here/);
  assert.match(text(0.14), /distillation took off another 10\.00\u00a0points/);
});

Deno.test("defenseVerdict() near chance names the likely cause instead", () => {
  const found = verdict({ before: model(0.12, 0.1), after: model(0.5, 0.1) });
  assert.equal(found.tone, "bad");
  assert.match(found.headline, /the model guesses/);
  assert.match(found.summary, /hardly better than guessing among 10 classes\. .*--mean, --std/);
});

Deno.test("defenseVerdict() says where the defence has ruined the model", () => {
  const found = verdict({ before: model(0.95, 1), after: model(0.11, 0) });
  assert.deepEqual([found.tone, found.headline], ["bad", "The defence has ruined the model"]);
});

Deno.test("defenseVerdict() of a run without its last result is none", () => {
  assert.match(verdict({ before: model(0.9) }).headline, /not finished/);
});

/** A model whose attack was to be measured on images of its target class only. */
const untested = (): EvaluationDocument => {
  const { attack, ...result } = model(0.95, 1);
  const shares = { successRate: null, recoveredAccuracy: null, accuracyNonTarget: null };
  const counts = { samples: 0, success: 0, correct: 0, correctNonTarget: 0 };
  return { ...result, attack: { ...attack!, ...counts, ...shares } };
};

Deno.test("defenseVerdict() says nothing of an attack that no image could show", () => {
  const found = verdict({ before: untested(), after: untested() });
  assert.equal(found.headline, "Cleaned; whether there was a backdoor is not known");
  assert.equal(found.tone, "neutral");
  assert.match(
    found.evidence.join(),
    /Attack success: not measured, no test image outside class 2 \(class 2\)\./,
  );
  assert.match(found.limits.join(), /Attack success was not measured/);
  const measuredOnce = verdict({ before: untested(), after: model(0.95, 0) });
  assert.equal(measuredOnce.headline, "Cleaned; whether there was a backdoor is not known");
});

Deno.test("defenseVerdict() goes by the audit where no image could show the attack", () => {
  const found = verdict({
    classNames: CLASS_NAMES,
    before: untested(),
    after: untested(),
    auditBefore: sampleAudit([2]),
    auditAfter: sampleAudit([2]),
  });
  assert.deepEqual([found.headline, found.tone], ["The model is still suspicious", "bad"]);
});

Deno.test("defenseVerdict() of accuracies that were not measured does not call them kept", () => {
  const none = { ...model(0.9), samples: 0, correct: 0, accuracy: null };
  const found = verdict({ before: none, after: none });
  assert.equal(found.summary, "Accuracy was not measured.");
  assert.equal(found.tone, "neutral");
});

Deno.test("defenseVerdict() does not call a loss dear that few images cannot show", () => {
  const of = (correct: number, samples: number) => ({
    ...model(0.95)!,
    samples,
    correct,
    accuracy: correct / samples,
  });
  const few = verdict({ before: of(89, 100), after: of(84, 100) });
  assert.match(
    few.summary,
    /fell by 5\.00\u00a0points .* which 100 test images cannot tell from chance/,
  );
  assert.match(few.evidence[0]!, /89\.00\u00a0% \(95 % interval: 81\.4 to 93\.7\u00a0%\) before/);
  const many = verdict({ before: of(8900, 10_000), after: of(8400, 10_000) });
  assert.match(many.summary, /That cost 5\.00\u00a0points of accuracy/);
});
