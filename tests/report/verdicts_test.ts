import assert from "node:assert/strict";
import { attackVerdict } from "../../src/report/attack_verdict.ts";
import { auditVerdict } from "../../src/report/audit_verdict.ts";
import { evaluationOf as recorded } from "../../src/runs/evaluation.ts";
import { verdictMarkup } from "../../src/report/verdict.ts";
import { readMarkup } from "./markup.ts";
import { CLASS_NAMES, evaluationOf, sampleAudit } from "./sample_run.ts";

Deno.test("attackVerdict() tells how well the backdoor works", () => {
  const headline = (success: number | undefined) =>
    attackVerdict({
      result: recorded(evaluationOf(0.9, success)),
      poisoned: 1,
      classNames: CLASS_NAMES,
    }).headline;
  assert.equal(headline(0.95), "The badnets backdoor works");
  assert.equal(headline(0.6), "The badnets backdoor works in part");
  assert.equal(headline(0.15), "The badnets backdoor hardly works");
  assert.equal(headline(undefined), "A clean model");
});

Deno.test("attackVerdict() counts images and names the target", () => {
  const result = recorded(evaluationOf(0.9, 0.95));
  const { evidence } = attackVerdict({ result, poisoned: 1, classNames: CLASS_NAMES });
  assert.match(evidence.join("\n"), /with 1 poisoned image\.\nOf 200 triggered images .* 190 are/);
  assert.match(evidence.join("\n"), /taken for class 2 \(blue\)/);
});

Deno.test("attackVerdict() of a backdoor that no image could show is none", () => {
  const { attack, ...clean } = evaluationOf(0.9, 0);
  const result = recorded({
    ...clean,
    attack: { ...attack, samples: 0, success: 0, correct: 0, correctNonTarget: 0 },
  });
  const { headline, evidence } = attackVerdict({ result, poisoned: 1, classNames: CLASS_NAMES });
  assert.equal(headline, "Whether the badnets backdoor works is not known");
  assert.match(evidence.join(), /not measured, no test image outside class 2 \(blue\)/);
});

Deno.test("auditVerdict() names the suspicious classes and what leads to them", () => {
  const { tone, headline, evidence } = auditVerdict(sampleAudit([2]));
  assert.deepEqual([tone, headline], ["bad", "Suspicious: 2 (blue)"]);
  assert.match(evidence[1]!, /about 4 pixels leads 99\.00\u00a0% .* the median class needs 20\./);
  assert.equal(auditVerdict(sampleAudit([])).tone, "neutral");
  assert.match(auditVerdict(undefined).headline, /not finished/);
});

Deno.test("auditVerdict() says how often the model is right, and nothing where it guesses", () => {
  const audit = { ...sampleAudit([2]), images: 200 };
  const { evidence } = auditVerdict({ ...audit, accuracy: 0.98 }, 3);
  assert.equal(
    evidence[0],
    "The model is right on 98.00\u00a0% of 200 clean images (95 % interval: 95.0 to 99.2\u00a0%).",
  );
  // With three of ten classes audited, guessing is right in a tenth of cases.
  assert.match(auditVerdict({ ...audit, accuracy: 0.35 }, 10).headline, /Suspicious/);
  const { headline, summary } = auditVerdict({ ...audit, accuracy: 0.35 }, 3);
  assert.equal(headline, "Nothing can be said: the model guesses");
  assert.match(summary, /right on 35\.00\u00a0% .*\(--mean, --std, --scale\)/);
});

Deno.test("verdictMarkup() says by words and not by colour alone what was found", () => {
  const verdict = auditVerdict(sampleAudit([2]));
  const elements = readMarkup(`<div>${verdictMarkup(verdict).markup}</div>`);
  assert.equal(elements.find(({ name }) => name === "strong")?.text, "Suspicious: 2 (blue)");
  assert.deepEqual(elements.flatMap(({ name, text }) => name === "h3" ? [text] : []), [
    "Evidence",
    "What this cannot tell",
  ]);
});
