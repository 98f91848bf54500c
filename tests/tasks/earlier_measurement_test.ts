/** When a run may take over what an earlier one has measured. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { createRunFolder } from "../../src/train/run_folder.ts";
import type { DefenseRunSettings } from "../../tasks/command_line/defense_settings.ts";
import { earlierMeasurement } from "../../tasks/command_line/earlier_measurement.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const SETTINGS = {
  defense: "nad",
  modelDigest: "12ab",
  arch: null,
  dataset: "signs",
  data: "/data",
  limit: 64,
  roi: false,
  preprocessing: { mean: [0, 0, 0], deviation: [1, 1, 1] },
  attack: { name: "badnets", target: { mode: "all2one", label: 7 }, options: {}, seed: 1 },
} as unknown as DefenseRunSettings;

const BEFORE = { samples: 64, correct: 60, accuracy: 0.9375, adapter: "a GPU" };

Deno.test("earlierMeasurement() takes over only what was measured alike", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/run`;
    const run = await createRunFolder(path, {
      command: "defend",
      adapter: "a GPU",
      settings: { ...SETTINGS },
    });
    const take = (change: Partial<DefenseRunSettings> = {}, adapter = "a GPU") =>
      earlierMeasurement(path, "defend", { ...SETTINGS, ...change }, adapter);
    assert.equal(await take(), undefined, "it has not been measured yet");
    await run.update({ results: { before: BEFORE } });
    assert.deepEqual(await take(), BEFORE);
    assert.deepEqual(await take({ defense: "mcr" }), BEFORE);
    assert.equal(await take({}, "another GPU"), undefined);
    const changes: Partial<DefenseRunSettings>[] = [
      { modelDigest: "34cd" },
      { arch: "wrn-16-2" },
      { dataset: "cifar10" },
      { data: "/elsewhere" },
      { limit: null },
      { roi: true },
      { preprocessing: { mean: [0, 0, 0.5], deviation: [1, 1, 1] } },
      { attack: null },
      { attack: { ...SETTINGS.attack!, seed: 2 } },
    ];
    for (const change of changes) {
      assert.equal(await take(change), undefined, JSON.stringify(change));
    }
    await assert.rejects(
      earlierMeasurement(`${folder}/none`, "defend", SETTINGS, "a GPU"),
      (error: Error) =>
        error instanceof FormatError &&
        /^cannot take a measurement from .*none: found no run\.json in it$/.test(error.message),
    );
  });
});
