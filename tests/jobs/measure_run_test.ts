/** What a report takes of the files that a run's record names, without a GPU. */

import assert from "node:assert/strict";
import { imagesDigest } from "../../src/data/images_digest.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { checkRecorded, commandOf } from "../../src/settings/record.ts";
import { loadData } from "../../src/jobs/load.ts";
import { measureRun } from "../../src/jobs/measure_run.ts";
import { SILENT } from "../../src/jobs/watcher.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { ERASE_RECORD, sampleRun } from "../report/sample_run.ts";

/** Why the parts of a report are left out of a run with other settings or images. */
async function missingOf(change: object): Promise<Map<string, string>> {
  const run = sampleRun({ ...ERASE_RECORD, ...change });
  const signal = new AbortController().signal;
  const { missing } = await measureRun(run, { images: 1, output: SILENT, signal });
  return new Map(missing.map(({ what, why }) => [what, why]));
}

/** A folder of pictures that its owner shows nobody. */
async function withPrivatePictures(body: (folder: string) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    for (const part of ["train", "test"]) {
      for (const [i, name] of ["a", "b"].entries()) {
        await Deno.mkdir(`${folder}/${part}/${name}`, { recursive: true });
        const pixels = new Uint8Array(3 * 32 * 32).fill(100 * i);
        const picture = encodePng({ height: 32, width: 32, pixels });
        await Deno.writeFile(`${folder}/${part}/${name}/1.png`, picture);
      }
    }
    await body(folder);
  });
}

Deno.test("a record shows no picture of a folder whose digest it does not know", async () => {
  await withPrivatePictures(async (dataset) => {
    const settings = { ...ERASE_RECORD.settings, dataset };
    const why = async (change: object) =>
      (await missingOf({ settings, ...change })).get("the test images");
    assert.match((await why({}))!, /does not state their digest, expected a run of this version/);
    const guessed = { train: "00", test: "00" };
    assert.match((await why({ images: guessed }))!, /they have changed since the run/);
    const data = { dataset, data: "/data", limit: null, roi: false } as const;
    const preprocessing = { mean: [0, 0, 0], deviation: [1, 1, 1] } as const;
    const known = await loadData({ ...data, preprocessing } as never, "none", SILENT);
    const test = await imagesDigest(known.test, known.classNames);
    assert.equal(await why({ images: { train: "00", test } }), undefined);
  });
});

Deno.test("settings that no flag could have set measure nothing", async () => {
  for (
    const change of [
      { power: 1e300 },
      { power: -1 },
      { power: "2" },
      { limit: -3 },
      { dataset: { toString: 1 } },
      { preprocessing: { mean: [{ toString: 1 }, 0, 0], deviation: [1, 1, 1] } },
      { preprocessing: { mean: [0, 0, 0], deviation: [0, 1, 1] } },
      { studentTraining: { corruption: { mix: { probability: { toString: 1 }, strength: 1 } } } },
    ]
  ) {
    const missing = await missingOf({ settings: { ...ERASE_RECORD.settings, ...change } });
    assert.ok(missing.has("the settings"), JSON.stringify(change));
  }
});

Deno.test("settings of any kind are checked and rebuilt without an exception of another kind", () => {
  const values: readonly unknown[] = [null, -1, 1e308, "", "x", {}, [], [[]], { toString: 1 }, [{
    toString: 1,
  }]];
  for (const key of Object.keys(ERASE_RECORD.settings)) {
    for (const value of values) {
      const settings = { ...ERASE_RECORD.settings, [key]: value };
      commandOf(settings, { command: "erase", recorded: false });
      try {
        checkRecorded(settings, "erase", "run.json");
      } catch (error) {
        assert.match(
          String(error),
          /^FormatError: cannot use run\.json/,
          `${key}: ${JSON.stringify(value)}`,
        );
      }
    }
  }
});
