/** Cells taken over from another sweep's `results.json`. */

import assert from "node:assert/strict";
import { cellFolder, readCellRecord, readResult } from "../../src/sweep/cell_folder.ts";
import { importResults } from "../../src/sweep/import_results.ts";
import { FormatError } from "../../src/errors.ts";
import { VERSION } from "../../src/version.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const EVALUATION = {
  model: "model.safetensors",
  dataset: "signs",
  samples: 100,
  correct: 80,
  accuracy: 0.8,
  adapter: "a GPU",
  seconds: 1,
};

const row = (id: string, change: object = {}) => ({
  id,
  before: EVALUATION,
  after: { ...EVALUATION, correct: 79, accuracy: 0.79 },
  settings: { model: "a", seed: 1, id },
  adapter: "a GPU",
  lethe: VERSION,
  started: "2026-11-23T00:00:00.000Z",
  seconds: 12,
  ...change,
});

const cell = (id: string) => ({
  id,
  digest: `digest of ${id}`,
  identity: { seed: 1, model: "a", id } as never,
  flags: ["--seed=1"],
});

/** A folder with a `results.json` of these rows. */
async function withResults(
  content: unknown,
  body: (file: string, out: string) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const file = `${folder}/results.json`;
    await Deno.writeTextFile(file, typeof content === "string" ? content : JSON.stringify(content));
    await body(file, `${folder}/out`);
  });
}

Deno.test("importResults() finishes the cells that a file has with the same settings", async () => {
  const rows = [
    row("a"),
    row("b", { settings: { model: "a", seed: 2, id: "b" } }),
    row("c", { lethe: "0.0.1" }),
    row("../x"),
  ];
  await withResults({ rows }, async (file, out) => {
    const cells = ["a", "b", "c", "d"].map(cell);
    const first = await importResults(file, out, cells);
    assert.deepEqual(first, {
      taken: ["a"],
      left: [
        { id: "b", why: "other settings or networks" },
        { id: "c", why: "made by version 0.0.1" },
      ],
    });
    const result = await readResult(cellFolder(out, "a"));
    assert.equal(result!.after.accuracy, 0.79);
    assert.equal(result!.run.seconds, 12);
    assert.equal((await readCellRecord(cellFolder(out, "a")))!.digest, "digest of a");
    assert.deepEqual([...Deno.readDirSync(`${out}/cells`)].map(({ name }) => name), ["a"]);
    assert.deepEqual((await importResults(file, out, cells)).taken, []);
  });
});

Deno.test("importResults() leaves a cell that was begun here", async () => {
  await withResults({ rows: [row("a")] }, async (file, out) => {
    const folder = cellFolder(out, "a");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(
      `${folder}/cell.json`,
      JSON.stringify({ id: "a", digest: "", identity: {}, flags: [] }),
    );
    assert.deepEqual(await importResults(file, out, [cell("a")]), { taken: [], left: [] });
    assert.equal(await readResult(folder), undefined);
  });
});

const WRONG: readonly (readonly [string, unknown, RegExp])[] = [
  ["no JSON", "{", /cannot read the results in .*it is not JSON/],
  ["no rows", { table: [] }, /found nothing at rows, expected a list/],
  ["null", null, /found null, expected an object/],
  ["a row without results", { rows: [row("a"), { id: "b" }] }, /nothing at rows\.1\.before/],
  ["a row that is null", { rows: [null] }, /found null at rows\.0, expected an object/],
  [
    "half an accuracy",
    { rows: [row("a", { after: { ...EVALUATION, accuracy: 7 } })] },
    /found 7 at/,
  ],
  ["deep brackets", "[".repeat(200_000), /nested too deeply/],
];

for (const [what, content, message] of WRONG) {
  Deno.test(`importResults() refuses a file with ${what}`, async () => {
    await withResults(content, async (file, out) => {
      await assert.rejects(importResults(file, out, [cell("a")]), (error) => {
        assert.ok(error instanceof FormatError, `found ${error}`);
        assert.match(error.message, message);
        return true;
      });
    });
  });
}

Deno.test("importResults() says that a file is missing", async () => {
  await assert.rejects(importResults("nowhere.json", "out", []), /there is no such file/);
});
