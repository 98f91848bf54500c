/** `--fail-on suspicious`: what a pipeline's gate makes of what was found. */

import assert from "node:assert/strict";
import { Finding, LetheError } from "../../src/errors.ts";
import type { AuditDocument } from "../../src/runs/audit.ts";
import type { EvaluationDocument } from "../../src/runs/evaluation.ts";
import { type Evidence, failOnSuspicion } from "../../tasks/command_line/fail_on.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, runHere, runTask } from "./command.ts";
import { writeTinyModel } from "./tiny_model.ts";
import { evaluationOf, sampleAudit } from "../report/sample_run.ts";

const audit = (flagged: readonly number[], accuracy = 0.95) =>
  ({ ...sampleAudit(flagged), images: 200, accuracy }) as AuditDocument;
const measured = (success?: number) => evaluationOf(0.95, success) as EvaluationDocument;
const unmeasured = () => {
  const found = measured(0);
  return { ...found, attack: { ...found.attack!, samples: 0, successRate: null } };
};

/** What is known -> exit code 0, 1 or 3. */
const CASES:
  readonly (readonly [what: string, evidence: Omit<Evidence, "classes">, code: 0 | 1 | 3])[] = [
    ["a quiet audit", { audit: audit([]) }, 0],
    ["a flagged class", { audit: audit([2]) }, 3],
    ["a model that guesses, quiet", { audit: audit([], 0.34) }, 1],
    ["a model that guesses, flagged", { audit: audit([2], 0.34) }, 1],
    ["no audit", { audit: undefined }, 1],
    ["no audit and a trigger that works", { audit: undefined, evaluation: measured(0.9) }, 3],
    ["no audit and a trigger that does not work", { audit: undefined, evaluation: measured(0) }, 1],
    ["no audit and a trigger not measured", { audit: undefined, evaluation: unmeasured() }, 1],
    ["a quiet audit and a trigger that works", { audit: audit([]), evaluation: measured(1) }, 3],
    ["a quiet audit and a trigger that does not", { audit: audit([]), evaluation: measured(0) }, 0],
  ];

for (const [what, evidence, code] of CASES) {
  Deno.test(`--fail-on suspicious of ${what} ends with ${code}`, () => {
    const judge = () => failOnSuspicion({ ...evidence, classes: 3 });
    if (code === 0) return judge();
    assert.throws(
      judge,
      (error) => error instanceof LetheError && error instanceof Finding === (code === 3),
    );
  });
}

Deno.test("--fail-on takes suspicious alone, and an audit with it", async () => {
  assertRefused(await runHere("audit", ["--fail-on", "x"]), 2, /'x' is invalid/);
  const contradicting = ["--fail-on", "suspicious", "--no-audit"];
  assertRefused(
    await runHere("erase", contradicting),
    2,
    /cannot fail on suspicion with --no-audit/,
  );
});

Deno.test("audit --fail-on suspicious of a model that guesses says so after its results", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["tiny.safetensors", "--steps", "2", "--images", "40", "--classes", "7,0,3"];
    const gate = ["--fail-on", "suspicious", "--json", "--quiet"];
    const { code, stdout, stderr } = await runTask("audit", [...args, ...gate], { folder });
    assert.equal(code, 1);
    assert.equal(JSON.parse(stdout).classes.length, 3);
    assert.match(stderr, /^error: cannot say whether the model is suspicious: it guesses/m);
  });
});
