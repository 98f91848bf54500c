import assert from "node:assert/strict";
import { curvesSection } from "../../src/report/curves_section.ts";
import { page } from "../../src/report/page.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import { assertGoodPage } from "./markup.ts";
import { sampleMetrics } from "./sample_run.ts";

/** Alternative texts of all charts of the section. */
function charts(metrics: readonly MetricsLine[]): string[] {
  const elements = assertGoodPage(page("t", [curvesSection(metrics)!]));
  return elements.flatMap(({ attributes }) =>
    attributes.get("role") === "img" ? [attributes.get("aria-label")!] : []
  );
}

Deno.test("curvesSection() shows every loss of each phase and the learning rate", () => {
  const found = charts(sampleMetrics());
  assert.deepEqual(found.map((label) => label.split(": ").slice(0, 2).join(": ")), [
    "Teacher: loss",
    "Student: loss",
    "Student: distance of attention, unweighted",
    "Learning rate: Teacher from 0.1 at epoch 1 to 0.1 at epoch 3; Student from 0.1 at epoch 1 to " +
    "0.1 at epoch 3",
  ]);
  assert.match(found[1]!, /cross-entropy from 1 at epoch 1 to 0\.333 at epoch 3; weighted total/);
  assert.match(found[2]!, /group 1 from 1e-4 .*; group 3 from 4e-4 at epoch 1 to 1\.33e-4/);
});

Deno.test("curvesSection() is left out where nothing was trained", () => {
  assert.equal(curvesSection([]), undefined);
});

/** An epoch of four logged steps and its mean, with the loss given. */
const line = (epoch: number, step: number, ce: number): MetricsLine => ({
  phase: "attack",
  epoch,
  step,
  ce,
  at: [],
  loss: ce,
  lr: 0.1 / step,
  imagesPerSecond: 100,
});

Deno.test("curvesSection() draws logged steps, and lists the means of epochs", () => {
  const metrics = [line(1, 1, 4), line(1, 2, 3), line(1, 4, 2.5), line(2, 5, 2), line(2, 8, 1.5)];
  assert.match(charts(metrics)[0]!, /cross-entropy from 4 at epoch 0\.25 to 2 at epoch 1\.25/);
  const { markup } = curvesSection(metrics)!.body as { markup: string };
  const rows = [...markup.matchAll(/<th scope="row">([^<]*)<\/th><td>([^<]*)/g)];
  assert.deepEqual(rows.map(([, name, ce]) => [name, ce]), [
    ["Training 1", "2.5"],
    ["Training 2", "1.5"],
  ]);
});

Deno.test("curvesSection() shows held-out accuracy where it chose the epoch", () => {
  const metrics = sampleMetrics().map((entry) => ({ ...entry, heldOutAccuracy: 0.9 }));
  assert.ok(charts(metrics).some((label) => label.startsWith("Student: accuracy on held-out")));
});

Deno.test("curvesSection() shows how far the teacher's answers are where they are distilled", () => {
  const metrics = sampleMetrics().map((entry) => ({ ...entry, kd: 0.5 / entry.epoch }));
  assert.match(
    charts(metrics)[1]!,
    /; teacher's answers from 0\.5 at epoch 1 to 0\.167 at epoch 3/,
  );
});

Deno.test("curvesSection() averages the points of a long run", () => {
  const metrics = Array.from({ length: 200_000 }, (_, i) => line(1, i + 1, i % 2));
  const { markup } = curvesSection(metrics)!.body as { markup: string };
  assert.ok(markup.length < 50_000, `${markup.length} characters`);
});

Deno.test("curvesSection() goes by powers of ten where a learning rate falls in steps", () => {
  const rates = (lrs: readonly number[]) => {
    const metrics = lrs.map((lr, i) => ({ ...line(i + 1, i + 1, 1), lr }));
    const { markup } = curvesSection(metrics)!.body as { markup: string };
    return /Learning rate<[^]*?<\/figure>/.exec(markup)![0];
  };
  assert.match(rates([0.1, 0.1, 0.01, 0.01, 0.001, 0.001]), />0\.001<[^]*>0\.01</);
  assert.doesNotMatch(rates([0.1, 0.08, 0.05, 0.01, 0.001, 1e-4]), />1e-4</);
});
