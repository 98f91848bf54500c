/** What was measured in a run: a table and bars. */

import { barChart } from "./bar_chart.ts";
import { type Html, html } from "./html.ts";
import { count, percent } from "./number_text.ts";
import type { IllustratedSection, Stage } from "./report_input.ts";
import { table } from "./table.ts";

/** The results of all stages; `undefined` where there is none. */
export function resultsSection(stages: readonly Stage[]): IllustratedSection | undefined {
  if (stages.length === 0) return undefined;
  const attacked = stages.some(({ result }) => result.attack);
  return {
    title: "Results",
    body: html`
      ${resultsTable(stages, attacked)}${attacked ? definitions() : undefined}
      <div class="charts">${bars(stages, attacked)}</div>
    `,
  };
}

function resultsTable(stages: readonly Stage[], attacked: boolean): Html {
  return table({
    caption: "Measured on the test images of the run",
    style: "numbers",
    head: [
      "Model",
      "images",
      "accuracy",
      ...attacked ? ["outside target", "attack success", "recovered"] : [],
    ],
    rows: stages.map(({ name, result: { samples, accuracy, attack } }) => [
      name,
      count(samples),
      percent(accuracy),
      ...attack
        ? [attack.accuracyNonTarget, attack.successRate, attack.recoveredAccuracy].map(percent)
        : attacked
        ? ["", "", ""]
        : [],
    ]),
  });
}

function definitions(): Html {
  return html`
    <p class="quiet">
      Outside target: accuracy on the clean images that are not of the target class. Attack success:
      share of the same images, with the trigger on, that are taken for the target. Recovered: share
      of them that are taken for what they are. Attack success is measured for the record; no
      training looks at it.
    </p>
  `;
}

function bars(stages: readonly Stage[], attacked: boolean): Html {
  return barChart({
    title: attacked ? "Accuracy and attack success" : "Accuracy",
    series: ["accuracy", ...attacked ? ["attack success", "recovered"] : []],
    groups: stages.map(({ name, result: { accuracy, attack } }) => ({
      label: name,
      values: [accuracy, ...attacked ? [attack?.successRate, attack?.recoveredAccuracy] : []]
        .map((share) => share ?? undefined),
    })),
    format: percent,
    most: 1,
  });
}
