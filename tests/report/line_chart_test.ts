import assert from "node:assert/strict";
import { lineChart } from "../../src/report/line_chart.ts";
import { readMarkup } from "./markup.ts";

/** The first curve of a chart as points of the drawing. */
function curve(markup: string): number[][] {
  const line = readMarkup(markup).find(({ attributes }) =>
    attributes.get("class") === "line series1" && !attributes.get("d")!.includes("H")
  );
  return line!.attributes.get("d")!.slice(1).split("L").map((pair) => pair.split(" ").map(Number));
}

Deno.test("lineChart() draws points where the axes have them", () => {
  const points = [[0, 4], [5, 2], [10, 0]] as const;
  const { markup } = lineChart({ title: "loss", x: "epoch", series: [{ name: "ce", points }] });
  // The plot is 52 to 428 across and 198 (0) to 10 (4) upwards.
  assert.deepEqual(curve(markup), [[52, 10], [240, 104], [428, 198]]);
});

Deno.test("lineChart() spaces powers of ten equally where it is logarithmic", () => {
  const points = [[0, 1], [1, 0.1], [2, 0.01]] as const;
  const series = [{ name: "at", points }];
  const { markup } = lineChart({ title: "loss", x: "epoch", series, logarithmic: true });
  assert.deepEqual(curve(markup).map(([, y]) => y), [10, 104, 198]);
});

Deno.test("lineChart() says its first and last numbers to those who do not see it", () => {
  const series = [{ name: "<ce>", points: [[1, 2.1436], [15, 0.87]] as const }];
  const elements = readMarkup(lineChart({ title: "loss", x: "epoch", series }).markup);
  const label = elements.find(({ name }) => name === "svg")!.attributes.get("aria-label");
  assert.equal(label, "loss: <ce> from 2.14 at epoch 1 to 0.87 at epoch 15");
});

Deno.test("lineChart() has a legend for several curves and dots for few points", () => {
  const series = (count: number) =>
    ["a", "b"].map((name) => ({
      name,
      points: Array.from({ length: count }, (_, x) => [x, x] as const),
    }));
  const names = (count: number) =>
    readMarkup(lineChart({ title: "t", x: "x", series: series(count) }).markup)
      .map(({ name }) => name);
  assert.equal(names(5).filter((name) => name === "circle").length, 10);
  assert.equal(names(100).filter((name) => name === "circle").length, 0);
  assert.equal(names(5).filter((name) => name === "li").length, 2);
});
