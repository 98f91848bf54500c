/** The report of a run: which sections, in which order, about which networks. */

import { attackVerdict } from "./attack_verdict.ts";
import { attentionSection } from "./attention_section.ts";
import { type Audit, auditSection } from "./audit_section.ts";
import { auditVerdict } from "./audit_verdict.ts";
import { changesSection } from "./changes_section.ts";
import { confusionSection } from "./confusion_section.ts";
import { curvesSection } from "./curves_section.ts";
import { defenseVerdict } from "./defense_verdict.ts";
import { gallerySection } from "./gallery_section.ts";
import { type Html, html } from "./html.ts";
import { fieldsOf, isFinite, isText } from "./json_value.ts";
import { page } from "./page.ts";
import type { Picture } from "./picture.ts";
import { auditOf, auditsOf } from "../runs/audit.ts";
import {
  type IllustratedSection,
  type ReportInput,
  stageName,
  stagesOf,
  valueText,
} from "./report_input.ts";
import { reproduceSection } from "./reproduce_section.ts";
import { resultsSection } from "./results_section.ts";
import type { Missing, RunContents } from "./run_contents.ts";
import { settingsSection } from "./settings_section.ts";
import { type Verdict, verdictMarkup } from "./verdict.ts";

/** Commands whose runs can be rendered. */
export const REPORTED_COMMANDS: readonly string[] = ["erase", "defend", "attack", "audit"];

/** A page and the pictures in it. */
export interface RunReport {
  /** The whole page. */
  readonly html: string;
  /** Everything that it embeds, to be written as files. */
  readonly pictures: readonly Picture[];
}

/** Renders a run of one of {@linkcode REPORTED_COMMANDS}. */
export function runReport(input: ReportInput): RunReport {
  const { run, commands } = input;
  const { verdict, sections } = contentOf(input);
  const missing = [...run.missing, ...input.missing];
  const all: (IllustratedSection | undefined)[] = [
    { title: "Summary", body: [verdictMarkup(verdict), missingMarkup(missing)] },
    ...sections,
    settingsSection(run),
    reproduceSection(commands, seedOf(run)),
  ];
  const shown = all.filter((section) => section !== undefined);
  return {
    html: page(titleOf(run), shown, lead(run)),
    pictures: shown.flatMap(({ pictures }) => pictures ?? []),
  };
}

interface Content {
  readonly verdict: Verdict;
  readonly sections: readonly (IllustratedSection | undefined)[];
}

function contentOf(input: ReportInput): Content {
  switch (input.run.record.command) {
    case "attack":
      return attackContent(input);
    case "audit":
      return auditContent(input);
    default:
      return defenseContent(input);
  }
}

function defenseContent({ run, measurement, classNames }: ReportInput): Content {
  const stages = stagesOf(run);
  const result = (key: string) => stages.find((stage) => stage.key === key)?.result;
  const found = auditsOf(run.record);
  const audits = Object.entries(found).map(([stage, document]): Audit => ({
    name: stageName(stage, run.record),
    document,
    patterns: run.patterns.get(`audit-${stage}`),
  }));
  const [before, after] = ["before", "after"].map((key) => stageName(key, run.record));
  const network = (name: string | undefined) =>
    measurement?.networks.find((network) => network.name === name);
  const [old, cleaned] = [network(before), network(after)];
  return {
    verdict: defenseVerdict({
      before: result("before"),
      teacher: run.record.settings.teacher === null ? result("teacher") : undefined,
      after: result("after"),
      auditBefore: found.before,
      auditAfter: found.after,
      classNames,
    }),
    sections: [
      resultsSection(stages),
      curvesSection(run.metrics),
      measurement && attentionSection(measurement, classNames),
      measurement && old && cleaned && changesSection(measurement, old, cleaned, classNames),
      measurement && confusionSection(measurement, [before!, after!], classNames),
      auditSection(audits),
    ],
  };
}

function attackContent({ run, measurement, classNames }: ReportInput): Content {
  const stages = stagesOf(run);
  const { poisoned } = run.record.results;
  const [network] = measurement?.networks ?? [];
  return {
    verdict: attackVerdict({
      result: stages[0]?.result,
      poisoned: isFinite(poisoned) ? poisoned : undefined,
      classNames,
    }),
    sections: [
      resultsSection(stages),
      curvesSection(run.metrics),
      measurement && network && gallerySection(measurement, network, classNames),
      measurement && attentionSection(measurement, classNames),
      measurement && network && confusionSection(measurement, [network.name], classNames),
    ],
  };
}

function auditContent({ run }: ReportInput): Content {
  const document = auditOf(run.record.results.audit);
  const patterns = run.patterns.get("patterns");
  return {
    verdict: auditVerdict(document, patterns?.classes),
    sections: [document && auditSection([{ name: modelName(run), document, patterns }])],
  };
}

function titleOf(run: RunContents): string {
  const { command, settings: { dataset, attack, defense } } = run.record;
  const file = modelName(run);
  switch (command) {
    case "attack": {
      const { name } = fieldsOf(attack);
      const images = valueText(dataset);
      return isText(name) ? `${name} on ${images}` : `A clean model of ${images}`;
    }
    case "audit":
      return `Audit of ${file}`;
    case "defend":
      return `${file}, cleaned by ${valueText(defense)}`;
    default:
      return `Erasing ${file}`;
  }
}

/** The name of the file of the model that the run is about. */
function modelName({ record: { settings } }: RunContents): string {
  return valueText(settings.model).split(/[/\\]/).at(-1)!;
}

function lead({ record }: RunContents): Html {
  const { command, started, adapter, settings } = record;
  const dataset = valueText(settings.dataset);
  const date = started.slice(0, 16).replace("T", " ");
  return html`
    <p class="quiet">A run of ${command} on ${dataset}, ${date} UTC, ${adapter}.</p>
  `;
}

function missingMarkup(missing: readonly Missing[]): Html | undefined {
  if (missing.length === 0) return undefined;
  return html`
    <h3>Left out</h3>
    <ul>${missing.map(({ what, why }) => html`<li>What needs ${what}: ${why}.</li>`)}</ul>
  `;
}

function seedOf({ record: { settings } }: RunContents): number | undefined {
  const { studentTraining, training, seed } = settings;
  const found = fieldsOf(studentTraining ?? training).seed ?? seed;
  return isFinite(found) ? found : undefined;
}
