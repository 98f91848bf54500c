/** Settings out of a run.json: checked like flags, whatever the file says. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { attackSettings, resumedAttack } from "../../src/jobs/attack_settings.ts";
import { defenseSettings, resumedDefense } from "../../src/jobs/defense_settings.ts";
import { flagsOf } from "./flags_of.ts";

/** A run that is taken up, with these settings in its record. */
const runOf = (settings: unknown) =>
  ({ path: "run", record: { settings } }) as Parameters<typeof resumedDefense>[0];

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

const ERASE = plain(
  await defenseSettings("erase", "nad", flagsOf("erase", ["--corruption", "mix:0.1:0.2"])),
);
const ATTACK = plain(
  await attackSettings(flagsOf("attack", ["--attack", "badnets", "--train-limit", "64"])),
);

const RUNS = [
  { name: "erase", settings: ERASE, resume: resumedDefense },
  { name: "attack", settings: ATTACK, resume: resumedAttack },
] as const;

/** The ways to all values within `value`. */
function pathsIn(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [[]];
  return Object.entries(value).flatMap(([key, inner]) => [
    [key],
    ...pathsIn(inner).map((path) => [key, ...path]),
  ]);
}

function withValue(settings: object, [key, ...rest]: string[], value: unknown): object {
  const found = settings as Record<string, unknown>;
  const changed = rest.length === 0 ? value : withValue(found[key!] as object, rest, value);
  return Array.isArray(settings)
    ? settings.map((each, i) => String(i) === key ? changed : each)
    : { ...found, [key!]: changed };
}

const ODD: readonly unknown[] = [null, -3, 1e308, 0.5, "x", "", true, [], [1, 2], {}, {
  constructor: 1,
}, "/dev/zero"];

for (const { name, settings, resume } of RUNS) {
  Deno.test(`the settings of ${name} come back out of its record`, () => {
    assert.deepEqual(plain(resume(runOf(settings))), settings);
  });

  Deno.test(`a record of ${name} with any odd value is used or refused in words`, () => {
    let refused = 0;
    for (const path of pathsIn(settings)) {
      for (const value of ODD) {
        try {
          resume(runOf(withValue(settings, path, value)));
        } catch (error) {
          assert.ok(
            error instanceof FormatError,
            `${path.join(".")} ${JSON.stringify(value)}: ${error}`,
          );
          assert.match(error.message, /run\/run\.json/);
          refused++;
        }
      }
    }
    assert.ok(refused > 300, String(refused));
  });

  Deno.test(`a record of ${name} that lacks a setting of today has its default`, () => {
    const { tune: _, format: __, ...older } = settings;
    assert.equal(resume(runOf(older)).tune, true);
  });
}

Deno.test("a training that no flag can ask for is refused with its place", () => {
  const wrong = withValue(ERASE, ["studentTraining", "epochs"], -3);
  assert.throws(
    () => resumedDefense(runOf(wrong)),
    /the setting "epochs" is -3, expected a whole number of at least 1$/,
  );
  const teacher = withValue(ERASE, ["teacherTraining", "momentum"], 4);
  assert.throws(
    () => resumedDefense(runOf(teacher)),
    /found 4 at teacherTraining\.momentum, expected a number of at least 0 and below 1$/,
  );
});
