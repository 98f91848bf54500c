/** Reports: what they say, in each format, and what they make of missing cells. */

import assert from "node:assert/strict";
import { cellFolder } from "../../src/sweep/cell_folder.ts";
import type { FinishedCell } from "../../src/sweep/groups.ts";
import { parsePlan, type Plan } from "../../src/sweep/plan.ts";
import { type ResultsDocument, writeReport } from "../../src/sweep/report_files.ts";
import { readSweep } from "../../src/sweep/sweep_report.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertGoodPage } from "../report/markup.ts";
import { finish, planOf, recordText } from "./results.ts";

/** Writes finished cells as their processes would. */
async function writeCells(out: string, finished: readonly FinishedCell[]): Promise<void> {
  for (const { cell, result } of finished) {
    const folder = cellFolder(out, cell.id);
    await Deno.mkdir(`${folder}/run`, { recursive: true });
    await Deno.writeTextFile(`${folder}/run/run.json`, recordText(result, { curve: [] }));
    const identity = { ...cell.settings, "model-sha256": "abc" };
    await Deno.writeTextFile(
      `${folder}/cell.json`,
      JSON.stringify({ id: cell.id, digest: "", identity, flags: [] }),
    );
  }
}

/** The files of the report of a plan. */
async function reportOf(
  plan: Plan,
  finished: readonly FinishedCell[],
  prepare: (out: string) => Promise<void> = async () => {},
) {
  const files = { markdown: "", html: "", csv: "", results: {} as ResultsDocument };
  await withTemporaryFolder(async (out) => {
    await writeCells(out, finished);
    await prepare(out);
    await writeReport(out, await readSweep(plan, out, "plan.json"));
    files.markdown = await Deno.readTextFile(`${out}/table.md`);
    files.html = await Deno.readTextFile(`${out}/table.html`);
    files.csv = await Deno.readTextFile(`${out}/table.csv`);
    files.results = JSON.parse(await Deno.readTextFile(`${out}/results.json`));
  });
  return files;
}

const PLAN = planOf([{ model: "a", defense: ["finetune", "nad"], seed: [1, 2, 3] }], "A & B | <C>");

/** NAD is better by 10 points of attack success with hardly any scatter. */
const CLEAR = finish(
  PLAN,
  ({ settings: { defense, seed } }) => [0.85, (defense === "nad" ? 0.05 : 0.15) + seed / 1000, 0.7],
);

Deno.test("a report states recovered accuracy as a share of the ceiling, where one is named", async () => {
  const model = { model: "a.safetensors", dataset: "signs", attack: "recorded" };
  const models = {
    a: { ...model, ceiling: "clean" },
    clean: { ...model, attack: "a.safetensors" },
  };
  const cells = [{ model: "clean", defense: "none" }, { model: "a", defense: "nad" }];
  const text = JSON.stringify({ title: "Ceilings", models, cells });
  const plan = parsePlan(new TextEncoder().encode(text), "plan.json");
  const whole = finish(
    plan,
    ({ settings }) => [0.85, 0.02, settings.defense === "none" ? 0.8 : 0.6],
  );
  const { markdown, csv } = await reportOf(plan, whole);
  assert.match(markdown, /recovered accuracy +\| of the ceiling/);
  assert.match(markdown, /\| a +\| nad .*\| 60\.00 +\| 75\.00 +\|/);
  assert.match(markdown, /The ceiling is the recovered accuracy of a clean network/);
  assert.match(csv, /recovered_ci95,ofCeiling,ofCeiling_ci95,der/);
  // Without the clean network's cell there is no ceiling, and no column for it.
  const { markdown: without } = await reportOf(plan, whole.slice(1));
  assert.doesNotMatch(without, /of the ceiling|The ceiling/);
});

Deno.test("a report gives mean and interval of each group, and the controls' difference", async () => {
  const { markdown } = await reportOf(PLAN, CLEAR);
  const rows = markdown.split("\n").filter((line) => line.startsWith("| a"));
  const cells = rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(cells[0], [
    "a",
    "finetune",
    "3",
    "90.00",
    "85.00 ± 0.00",
    "100.00",
    "15.20 ± 0.25",
    "70.00 ± 0.00",
    "89.90 ± 0.12",
    "82.50 ± 0.00",
  ]);
  assert.deepEqual(cells[2], [
    "a",
    "3",
    "0.00 ± 0.00",
    "-10.00 ± 0.00",
    "0.00 ± 0.00",
    "+5.00 ± 0.00",
    "0.00 ± 0.00",
    "DER: better; RIR: no difference shown",
  ]);
  assert.doesNotMatch(markdown, /does not beat/);
  assert.match(markdown, /All: recipe lethe\./);
  assert.match(
    markdown,
    /Adapter: an adapter\. Version of Lethe: 0\.1\.0\.\n\nRun on 2026-11-22 \(UTC\)/,
  );
});

Deno.test("a report says what attention adds, where the plan has NAD with betas of 0", async () => {
  const plan = planOf([
    { model: "a", defense: "nad", seed: [1, 2] },
    { model: "a", defense: "nad", betas: "0,0,0", seed: [1, 2] },
  ]);
  const finished = finish(plan, ({ settings }) => [settings.betas ? 0.8 : 0.85, 0.05, 0.7]);
  const { markdown } = await reportOf(plan, finished);
  const [, part] = markdown.split("## What attention adds\n");
  assert.match(part!, /\n\| a +\| 2 +\| \+5\.00 ± 0\.00 \| .* \| better +\|\n/);
  assert.doesNotMatch(part!, /not shown to help/);
});

Deno.test("a report says where NAD does not beat its control", async () => {
  const alike = finish(PLAN, ({ settings: { defense, seed } }) => [
    0.85,
    defense === "nad" ? 0.05 + seed / 100 : 0.11 - seed / 100,
    0.7,
  ]);
  const { markdown, html } = await reportOf(PLAN, alike);
  const line = "NAD does not beat its control: model a (no difference shown).";
  assert.ok(markdown.includes(`\n- ${line}\n`));
  assert.ok(html.includes(line));
  const worse = finish(
    PLAN,
    ({ settings: { defense } }) => [0.85, defense === "nad" ? 0.3 : 0.1, 0.7],
  );
  assert.match(
    (await reportOf(PLAN, worse)).markdown,
    /- NAD does not beat its control: model a \(DER: worse; RIR: no difference shown\)\./,
  );
});

Deno.test("a report of one seed says that it has no interval and shows nothing", async () => {
  const { markdown, csv } = await reportOf(
    PLAN,
    CLEAR.filter(({ cell }) => cell.settings.seed === 1),
  );
  assert.match(markdown, /\| a +\| nad +\| 1 \(no interval\) \| 90\.00 +\| 85\.00 +\| 100\.00 /);
  assert.match(markdown, /\| one seed shows nothing \|/);
  assert.doesNotMatch(markdown, /does not beat/);
  assert.match(csv, /^a,nad,lethe,.*,1,0\.9,,0\.85,,1,,/m);
});

Deno.test("a report lists the cells that are missing, with their failures", async () => {
  const some = CLEAR.filter(({ cell }) => cell.settings.seed !== 3);
  const { markdown, results } = await reportOf(PLAN, some, async (out) => {
    const attempts = `${cellFolder(out, "a_nad_lethe_seed-3")}/attempts`;
    await Deno.mkdir(attempts, { recursive: true });
    await Deno.writeTextFile(`${attempts}/1.lock`, "");
    const time = "2026-11-22T12:00:00.000Z";
    const ended = { outcome: "failed", resumed: false, message: "out of luck", time };
    const owner = { host: "here", pid: 1, started: time, locked: true };
    await Deno.writeTextFile(`${attempts}/1.json`, JSON.stringify({ ...owner, ended }));
  });
  assert.match(markdown, /Without a result: 2 of 6 cells\./);
  assert.match(markdown, /- a_finetune_lethe_seed-3: not finished\n/);
  assert.match(markdown, /- a_nad_lethe_seed-3: failed: out of luck\n/);
  assert.deepEqual(results.missing, [
    { id: "a_finetune_lethe_seed-3", failure: null },
    { id: "a_nad_lethe_seed-3", failure: "out of luck" },
  ]);
});

Deno.test("results.json holds each cell with its settings, and no path of this machine", async () => {
  const { results } = await reportOf(PLAN, CLEAR);
  assert.equal(results.rows.length, 6);
  const row = results.rows[5]!;
  assert.deepEqual(
    [row.attack, row.defense, row.recipe, row.seed, row.adapter, row.started],
    ["badnets", "nad", "lethe", 3, "an adapter", "2026-11-22T12:00:00.000Z"],
  );
  assert.equal(row.settings["model-sha256"], "abc");
  assert.equal(row.after.attack?.successRate, 0.05 + 3 / 1000);
  assert.equal(row.after.model, "cells/a_nad_lethe_seed-3/run/student.safetensors");
  assert.equal(row.before.model, "model.safetensors");
});

Deno.test("table.html is a good page and escapes what the plan says", async () => {
  const { html, markdown } = await reportOf(PLAN, CLEAR);
  const elements = assertGoodPage(html);
  assert.equal(elements.find(({ name }) => name === "h1")?.text, "A & B | <C>");
  assert.equal(elements.filter(({ name }) => name === "table").length, 2);
  assert.ok(markdown.startsWith("# A & B \\| \\<C\\>\n"));
});

Deno.test("table.csv holds plain shares, and nothing for measures that a group lacks", async () => {
  const plan = planOf([{ model: "a", defense: "nad", betas: "1,2,3", seed: [1, 2] }]);
  const { csv } = await reportOf(plan, finish(plan, () => [0.85]));
  const [head, row, end] = csv.split("\r\n");
  assert.match(
    head!,
    /^model,defense,recipe,clean-fraction,.*,n,accuracyBefore,accuracyBefore_ci95,/,
  );
  assert.match(row!, /^a,nad,lethe,.*,"1,2,3",.*,2,0\.9,0,0\.85,0,{12}$/);
  assert.equal(end, "");
});

Deno.test("a report averages over models where there are several", async () => {
  const plan = planOf([{ model: ["a", "b"], defense: ["finetune", "nad"], seed: [1, 2] }]);
  const after = ({ settings: { model, defense } }: FinishedCell["cell"]) =>
    [0.8, (model === "a" ? 0.1 : 0.3) - (defense === "nad" ? 0.05 : 0), 0.6] as const;
  const { markdown } = await reportOf(plan, finish(plan, after));
  assert.match(
    markdown,
    /## Mean over models\n[^#]*\| finetune \| 2 +\| 2 +\| .*\| 20\.00 ± 0\.00 /,
  );
  assert.match(
    markdown,
    /## NAD against its control\n[^#]*\| mean of 2 \| 2 +\| .*\| -5\.00 ± 0\.00 +\|/,
  );
});

Deno.test("table.md takes names and descriptions for text, whatever is in them", async () => {
  const plan = planOf([{ model: "a", defense: "nad" }], "A | B\n# <b>[x](y)</b> `c`");
  const finished = finish(plan, () => [0.85, 0.1, 0.7]);
  const { markdown } = await reportOf(plan, finished);
  assert.ok(markdown.startsWith("# A \\| B # \\<b\\>\\[x\\](y)\\</b\\> \\`c\\`\n\n"), markdown);
});
