import assert from "node:assert/strict";
import { barChart } from "../../src/report/bar_chart.ts";
import { readMarkup } from "./markup.ts";

Deno.test("barChart() draws bars in proportion, and none for what is missing or below 0", () => {
  const { markup } = barChart({
    title: "anomaly",
    series: ["before", "after"],
    groups: [{ label: "a", values: [4, 1] }, { label: "b", values: [undefined, -1] }],
    format: String,
    threshold: { value: 2, label: "threshold 2" },
  });
  const elements = readMarkup(markup);
  const widths = elements.filter(({ attributes }) => attributes.get("class")?.startsWith("bar"))
    .filter(({ name }) => name === "path")
    .map(({ attributes }) => Number(/h(-?[\d.]+)/.exec(attributes.get("d")!)![1]));
  assert.deepEqual(widths, [244, 61, 0]);
  const line = elements.find(({ attributes }) => attributes.get("class") === "threshold");
  assert.match(line!.attributes.get("d")!, /^M254 /);
});

Deno.test("barChart() says all its numbers to those who do not see it", () => {
  const { markup } = barChart({
    title: "Accuracy",
    series: ["accuracy", "attack success"],
    groups: [{ label: "before", values: [0.9, 1] }, { label: "after", values: [0.8, undefined] }],
    format: (value) => `${100 * value} %`,
    most: 1,
  });
  const label = readMarkup(markup).find(({ attributes }) => attributes.get("role") === "img")!
    .attributes.get("aria-label");
  assert.equal(
    label,
    "Accuracy. before: accuracy 90 %, attack success 100 %; after: accuracy 80 %",
  );
});

Deno.test("barChart() of nothing but zeros has bars without length", () => {
  const { markup } = barChart({
    title: "zeros",
    series: ["x"],
    groups: [{ label: "a very long name of a class", values: [0] }],
    format: String,
  });
  assert.doesNotMatch(markup, /NaN|Infinity/);
  assert.match(markup, /a very long name …/);
});
