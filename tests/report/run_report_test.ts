import assert from "node:assert/strict";
import { decodeImage } from "../../src/formats/images.ts";
import { runReport } from "../../src/report/run_report.ts";
import type { RunRecord } from "../../src/runs/run_record.ts";
import { assertGoodPage, type Element } from "./markup.ts";
import {
  ERASE_RECORD,
  evaluationOf,
  HOSTILE,
  hostile,
  sampleAudit,
  sampleInput,
  sampleMeasurement,
  samplePatterns,
  sampleRun,
} from "./sample_run.ts";

const titles = (elements: readonly Element[]) =>
  elements.flatMap(({ name, text }) => name === "h2" ? [text] : []);

const ATTACK_RECORD: RunRecord = {
  ...ERASE_RECORD,
  command: "attack",
  settings: { dataset: "signs", attack: ERASE_RECORD.settings.attack, training: { seed: 3 } },
  results: { model: evaluationOf(0.9, 0.99), poisoned: 1000 },
};

Deno.test("runReport() of an erasure shows everything in a good page", () => {
  const { html, pictures } = runReport(sampleInput());
  const elements = assertGoodPage(html);
  assert.deepEqual(titles(elements), [
    "Summary",
    "Results",
    "Training",
    "Attention",
    "Changed predictions",
    "Confusion",
    "Settings",
    "Reproduce",
  ]);
  assert.match(html, /The backdoor is erased/);
  assert.ok(html.includes("<code>deno task erase \\\n  --seed 1</code></pre>"), "as it was given");
  const images = elements.filter(({ name }) => name === "img");
  assert.equal(images.length, pictures.length);
  for (const [i, { name, png, width, height }] of pictures.entries()) {
    const source = images[i]!.attributes.get("src")!;
    assert.equal(source, `data:image/png;base64,${png.toBase64()}`);
    const decoded = decodeImage(png, name);
    assert.deepEqual([decoded.width, decoded.height], [width, height]);
  }
  const names = pictures.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes("attention-1-clean-backdoored") && names.includes("freed-1"));
});

Deno.test("runReport() shows audits before and after where a run has them", () => {
  const audit = { before: sampleAudit([2]), after: sampleAudit([]) };
  const results = { ...ERASE_RECORD.results, audit };
  const run = {
    ...sampleRun({ ...ERASE_RECORD, results }),
    patterns: new Map([["audit-before", samplePatterns()], ["audit-after", samplePatterns()]]),
  };
  const { html, pictures } = runReport(sampleInput(run));
  assert.ok(titles(assertGoodPage(html)).includes("Audit"));
  assert.match(html, /anomaly index was 3\.7 before and is 1\.1 after/);
  assert.equal(pictures.filter(({ name }) => name.startsWith("pattern-")).length, 6);
});

Deno.test("runReport() renders what is left where models, data and metrics are gone", () => {
  const missing = [{ what: "the erased model", why: "cannot read it: there is no such file" }];
  const run = { ...sampleRun(ERASE_RECORD, []), missing };
  const input = { ...sampleInput(run), measurement: undefined, classNames: [] };
  const { html, pictures } = runReport(input);
  const elements = assertGoodPage(html);
  assert.deepEqual(titles(elements), ["Summary", "Results", "Settings", "Reproduce"]);
  assert.match(html, /What needs the erased model: cannot read it: there is no such file\./);
  assert.match(html, /class 2: /);
  assert.deepEqual(pictures, []);
});

Deno.test("runReport() leaves out comparisons where a model is gone, and keeps the others", () => {
  const measurement = sampleMeasurement();
  const networks = measurement.networks.slice(1);
  const input = { ...sampleInput(), measurement: { ...measurement, networks } };
  const found = titles(assertGoodPage(runReport(input).html));
  assert.ok(found.includes("Attention") && found.includes("Confusion"));
  assert.ok(!found.includes("Changed predictions"));
});

Deno.test("runReport() without a known attack shows clean images only", () => {
  const { triggered: _, backdoor: __, networks, ...rest } = sampleMeasurement();
  const record = {
    ...ERASE_RECORD,
    settings: { ...ERASE_RECORD.settings, attack: null },
    results: { before: evaluationOf(0.95), after: evaluationOf(0.94) },
  };
  const [before, after] = networks.map(({ triggered: _, ...network }) => network);
  const measurement = { ...rest, networks: [{ ...before!, name: "original" }, after!] };
  const { html } = runReport({ ...sampleInput(sampleRun(record)), measurement });
  assert.ok(titles(assertGoodPage(html)).includes("Changed predictions"));
  assert.match(html, /whether there was a backdoor is not known/);
  assert.doesNotMatch(html, /triggered|attack success</);
});

Deno.test("runReport() of an unfinished run says so", () => {
  const record = { ...ERASE_RECORD, finished: false, results: { before: evaluationOf(0.9, 1) } };
  const { html } = runReport(sampleInput(sampleRun(record)));
  assertGoodPage(html);
  assert.match(html, /This run is not finished/);
});

Deno.test("runReport() of an attack shows the trigger and its success", () => {
  const measurement = sampleMeasurement();
  const networks = [{ ...measurement.networks[0]!, name: "badnets" }];
  const input = sampleInput(sampleRun(ATTACK_RECORD));
  const { html, pictures } = runReport({ ...input, measurement: { ...measurement, networks } });
  assert.deepEqual(titles(assertGoodPage(html)), [
    "Summary",
    "Results",
    "Training",
    "The trigger",
    "Attention",
    "Confusion",
    "Settings",
    "Reproduce",
  ]);
  assert.match(html, /The badnets backdoor works/);
  assert.match(html, /1,000 poisoned images/);
  const names = pictures.map(({ name }) => name);
  for (const kind of ["clean", "triggered", "difference"]) {
    assert.ok(names.includes(`gallery-1-${kind}`));
  }
});

Deno.test("runReport() of an audit shows its verdict and patterns", () => {
  const record = { ...ERASE_RECORD, command: "audit", results: { audit: sampleAudit([2]) } };
  const run = { ...sampleRun(record, []), patterns: new Map([["patterns", samplePatterns()]]) };
  const { html, pictures } = runReport({ ...sampleInput(run), measurement: undefined });
  assert.deepEqual(titles(assertGoodPage(html)), ["Summary", "Audit", "Settings", "Reproduce"]);
  assert.match(html, /Suspicious: 2 \(blue\)/);
  assert.equal(pictures.length, 3);
});

for (const command of ["erase", "defend", "attack", "audit"]) {
  Deno.test(`runReport() of ${command} escapes every string that comes from files`, () => {
    const results = {
      ...ERASE_RECORD.results,
      ...ATTACK_RECORD.results,
      audit: command === "audit"
        ? sampleAudit([1])
        : { before: sampleAudit([1]), after: sampleAudit([]) },
    };
    const record = { ...hostile({ ...ERASE_RECORD, results }, ["mode"]), command };
    const metrics = hostile(sampleRun().metrics);
    const input = sampleInput({
      ...sampleRun(record, metrics),
      path: HOSTILE,
      patterns: new Map([["patterns", samplePatterns()], ["audit-before", samplePatterns()]]),
      missing: [{ what: HOSTILE, why: HOSTILE }],
    });
    const commands = [{ purpose: HOSTILE, line: HOSTILE }];
    const measurement = sampleMeasurement();
    const networks = measurement.networks.map((network) => ({ ...network, name: HOSTILE }));
    const { html, pictures } = runReport({
      ...input,
      commands,
      classNames: [HOSTILE, HOSTILE, HOSTILE],
      measurement: { ...measurement, networks },
    });
    assert.doesNotMatch(html, /<img src="https:|<script/);
    assert.ok(pictures.every(({ name }) => /^[a-z0-9-]+$/.test(name)), "names of files");
    const elements = assertGoodPage(html);
    assert.ok(elements.some(({ text }) => text.includes(HOSTILE)));
  });
}
