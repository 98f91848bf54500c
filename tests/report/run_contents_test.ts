import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { float32Tensor } from "../../src/formats/host_tensor.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { folderStore } from "../../src/runs/folder_store.ts";
import { readRun } from "../../src/report/run_contents.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { ERASE_RECORD, sampleMetrics, samplePatterns } from "./sample_run.ts";

/** Writes a run folder. */
async function writeRun(
  folder: string,
  files: { "run.json"?: string; "metrics.jsonl"?: string },
): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

const RECORD = JSON.stringify(ERASE_RECORD);
const METRICS = sampleMetrics().map((line) => JSON.stringify(line)).join("\n") + "\n";

Deno.test("readRun() reads settings, results, metrics and patterns", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeRun(folder, { "run.json": RECORD, "metrics.jsonl": METRICS });
    const { mask, pattern } = samplePatterns();
    const tensors = new Map([
      ["mask", float32Tensor([3, 8, 8], Float32Array.from(mask))],
      ["pattern", float32Tensor([3, 3, 8, 8], Float32Array.from(pattern))],
    ]);
    await Deno.writeFile(`${folder}/audit-before.safetensors`, writeSafetensors(tensors));
    const run = await readRun(folderStore(folder));
    assert.deepEqual(run.record, ERASE_RECORD);
    assert.deepEqual(run.metrics, sampleMetrics());
    assert.deepEqual([...run.patterns], [["audit-before", samplePatterns()]]);
    assert.deepEqual(run.missing, []);
  });
});

Deno.test("readRun() leaves out what is damaged and says why", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeRun(folder, { "run.json": RECORD, "metrics.jsonl": METRICS + `{"phase":` });
    const wrong = new Map([["mask", float32Tensor([1], Float32Array.of(1))]]);
    await Deno.writeFile(`${folder}/patterns.safetensors`, writeSafetensors(wrong));
    await Deno.writeFile(`${folder}/audit-after.safetensors`, new Uint8Array(20));
    const { metrics, patterns, missing } = await readRun(folderStore(folder));
    assert.deepEqual([metrics, patterns.size], [[], 0]);
    assert.match(missing[0]!.why, /line 7 of .*metrics\.jsonl is damaged: it is not JSON/);
    assert.match(missing[1]!.why, /patterns\.safetensors: expected mask \(K,H,W\)/);
    assert.match(missing[2]!.why, /audit-after\.safetensors/);
  });
});

/** What a bad folder is, its run.json, and what is said of it. */
const BAD: readonly (readonly [what: string, text: string | undefined, message: RegExp])[] = [
  ["without run.json", undefined, /found no run\.json in it, expected the folder of a run/],
  ["with half a run.json", RECORD.slice(0, 99), /its run\.json is damaged: it is not JSON/],
  ["with a list", "[]", /its run\.json is not the record of a run/],
  ["with null", "null", /its run\.json is not the record of a run/],
  [
    "without results",
    JSON.stringify({ ...ERASE_RECORD, results: undefined }),
    /its run\.json is not the record of a run/,
  ],
  [
    "whose time is text",
    JSON.stringify({ ...ERASE_RECORD, seconds: "3" }),
    /its run\.json is not the record of a run/,
  ],
];

for (const [what, text, message] of BAD) {
  Deno.test(`readRun() refuses a folder ${what}`, async () => {
    await withTemporaryFolder(async (folder) => {
      if (text !== undefined) await writeRun(folder, { "run.json": text });
      await assert.rejects(readRun(folderStore(folder)), (error: Error) => {
        assert.ok(error instanceof FormatError);
        assert.match(error.message, message);
        return true;
      });
    });
  });
}

Deno.test("readRun() refuses a folder that is not there", async () => {
  await assert.rejects(readRun(folderStore("/nonexistent/run")), /there is no such folder/);
});
