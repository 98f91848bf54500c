import assert from "node:assert/strict";
import { confusionSection } from "../../src/report/confusion_section.ts";
import { confusionTable } from "../../src/report/confusion_table.ts";
import { readMarkup } from "./markup.ts";
import { CLASS_NAMES, sampleMeasurement } from "./sample_run.ts";

Deno.test("confusionTable() colours by the share of the row, right and wrong apart", () => {
  const counts = Uint32Array.of(9, 1, 0, 0, 5, 0, 4, 0, 0);
  const { markup } = confusionTable("before", { classes: 3, counts }, CLASS_NAMES);
  const elements = readMarkup(markup);
  const cells = elements.filter(({ name }) => name === "td").map(({ attributes, text }) => [
    text,
    attributes.get("class"),
    attributes.get("style"),
  ]);
  const empty = ["", undefined, undefined];
  assert.deepEqual(cells, [
    ["9", "right", "--share: 0.949"],
    ["1", "wrong", "--share: 0.316"],
    empty,
    empty,
    ["5", "right", "--share: 1.000"],
    empty,
    ["4", "wrong", "--share: 1.000"],
    empty,
    empty,
  ]);
  const headings = elements.filter(({ name }) => name === "th").map(({ text }) => text);
  assert.deepEqual(headings.slice(-3), ["0 red", "1 green", "2 blue"]);
});

Deno.test("confusionSection() shows the named networks, clean and triggered", () => {
  const section = confusionSection(sampleMeasurement(), ["erased"], CLASS_NAMES)!;
  const { markup } = section.body as { markup: string };
  const captions = readMarkup(`<div>${markup}</div>`)
    .flatMap(({ name, text }) => name === "caption" ? [text] : []);
  assert.deepEqual(captions, ["erased, clean images", "erased, triggered images"]);
  assert.equal(confusionSection(sampleMeasurement(), ["unknown"], CLASS_NAMES), undefined);
});

Deno.test("confusionSection() leaves out matrices that are too large to read", () => {
  const measurement = sampleMeasurement();
  const [network] = measurement.networks;
  const networks = [{ ...network!, classes: 200 }];
  const section = confusionSection({ ...measurement, networks }, [network!.name], [])!;
  assert.match((section.body as { markup: string }).markup, /matrices of 200 classes/);
});
