/** The words and tables of a sweep's report, the same for every format. */

import { counted } from "../report/number_text.ts";
import type { Summary } from "./confidence.ts";
import type { Comparison, Group } from "./groups.ts";
import { type Measure, MEASURE_TITLES, MEASURES } from "./measures.ts";
import type { Settings } from "../settings/plan.ts";
import { provenance, type SweepReport } from "./sweep_report.ts";

/** A part of the report. */
export interface ReportPart {
  /** Heading. */
  readonly title: string;
  /** Sentences above the table. */
  readonly paragraphs: readonly string[];
  /** Where there is one. */
  readonly table?: ReportTable;
  /** Sentences of a list below the table. */
  readonly list?: readonly string[];
}

/** A table of text. */
export interface ReportTable {
  /** What it shows. */
  readonly caption: string;
  /** Headings of columns. */
  readonly head: readonly string[];
  /** As many cells each as there are columns. */
  readonly rows: readonly (readonly string[])[];
}

/** Measures whose difference from the control counts; the others say the same in other words. */
const COMPARED: readonly Measure[] = ["accuracy", "attackSuccess", "recovered", "der", "rir"];

/** The parts of a report, in order; those with nothing in them are left out. */
export function reportParts(report: SweepReport): ReportPart[] {
  return [
    resultsPart(report),
    averagesPart(report),
    controlsPart(report),
    attentionPart(report),
    unfinishedPart(report),
    provenancePart(report),
  ].filter((part) => part !== undefined);
}

function resultsPart({ groups }: SweepReport): ReportPart | undefined {
  if (groups.length === 0) return undefined;
  const { common, columns } = columnsOf(groups);
  const measures = measuresIn(groups);
  return {
    title: "Results",
    paragraphs: [
      "Mean over seeds with its 95 % confidence interval (Student's t), in percent; n is the " +
      "number of seeds. One seed has no interval. DER and RIR are 50 where a defence changes " +
      "nothing and 100 where it removes all attack success, or restores all accuracy on " +
      "triggered images, at no cost.",
      ...measures.includes("ofCeiling")
        ? [
          "The ceiling is the recovered accuracy of a clean network, one trained alike without the " +
          "attack, on the same triggered images; its rows have defense none.",
        ]
        : [],
      ...common === "" ? [] : [`All: ${common}.`],
    ],
    table: {
      caption: "Accuracy and attack success after each defence",
      head: [...columns, "n", ...measures.map((measure) => MEASURE_TITLES[measure])],
      rows: groups.map((group) => groupRow(group, columns, measures)),
    },
  };
}

function averagesPart({ averages }: SweepReport): ReportPart | undefined {
  if (averages.length === 0) return undefined;
  const { columns } = columnsOf(averages);
  const measures = measuresIn(averages);
  return {
    title: "Mean over models",
    paragraphs: ["Each seed counts as one value, its mean over all models."],
    table: {
      caption: "Means over models",
      head: [...columns, "models", "n", ...measures.map((measure) => MEASURE_TITLES[measure])],
      rows: averages.map((average) => {
        const row = groupRow(average, columns, measures);
        return [
          ...row.slice(0, columns.length),
          String(average.models),
          ...row.slice(columns.length),
        ];
      }),
    },
  };
}

/** The measures that some group has. */
function measuresIn(groups: readonly Group[]): Measure[] {
  return MEASURES.filter((measure) => groups.some(({ summaries }) => summaries[measure]));
}

function groupRow(
  group: Group,
  columns: readonly string[],
  measures: readonly Measure[],
): string[] {
  return [
    ...columns.map((column) => String(group.settings[column] ?? "")),
    seedCount(group.seeds.length),
    ...measures.map((measure) => {
      const summary = group.summaries[measure];
      // The model as it came is the same for every seed.
      return isBefore(measure)
        ? interval(summary && { ...summary, halfWidth: null })
        : interval(summary);
    }),
  ];
}

const isBefore = (measure: Measure) =>
  measure === "accuracyBefore" || measure === "attackSuccessBefore";

function controlsPart({ comparisons }: SweepReport): ReportPart | undefined {
  return comparisonsPart(comparisons, {
    title: "NAD against its control",
    explanation:
      "NAD minus finetuning with the same settings, seeds and clean images, which is the same " +
      "training without a teacher; paired by seed, in points. NAD beats its control where the " +
      "interval of DER, or of RIR, lies above 0.",
    caption: "Difference between NAD and its control",
    failing: "NAD does not beat its control",
  });
}

function attentionPart({ attention }: SweepReport): ReportPart | undefined {
  return comparisonsPart(attention, {
    title: "What attention adds",
    explanation:
      "NAD minus NAD with betas of 0, which is the same training without the attention " +
      "losses: the teacher's answers stay where the recipe distils them. Paired by seed, in points.",
    caption: "Difference between NAD with and without attention losses",
    failing: "Attention is not shown to help",
  });
}

function comparisonsPart(
  comparisons: readonly Comparison[],
  words: {
    readonly title: string;
    readonly explanation: string;
    readonly caption: string;
    readonly failing: string;
  },
): ReportPart | undefined {
  if (comparisons.length === 0) return undefined;
  const { columns } = columnsOf(comparisons);
  const shown = columns.filter((column) => column !== "defense");
  const settingOf = ({ models, settings }: Comparison, column: string) =>
    column === "model" && models !== undefined ? `mean of ${models}` : settings[column];
  return {
    title: words.title,
    paragraphs: [words.explanation],
    table: {
      caption: words.caption,
      head: [...shown, "n", ...COMPARED.map((measure) => MEASURE_TITLES[measure]), "verdict"],
      rows: comparisons.map((comparison) => [
        ...shown.map((column) => String(settingOf(comparison, column) ?? "")),
        seedCount(comparison.seeds.length),
        ...COMPARED.map((measure) => interval(comparison.differences[measure], true)),
        verdict(comparison),
      ]),
    },
    list: comparisons.filter((one) => one.seeds.length > 1 && !beats(one)).map((comparison) =>
      `${words.failing}: ${
        shown.flatMap((column) => {
          const value = settingOf(comparison, column);
          return value === undefined ? [] : [`${column} ${value}`];
        }).join(", ")
      } (${verdict(comparison)}).`
    ),
  };
}

/** What a comparison shows, in words. */
function verdict({ seeds, differences: { der, rir } }: Comparison): string {
  if (seeds.length === 0) return "no control in the plan has finished";
  if (!der || !rir) return "no attack is measured";
  if (der.halfWidth === null || rir.halfWidth === null) return "one seed shows nothing";
  const word = ({ mean, halfWidth }: Summary) =>
    Math.abs(mean) <= halfWidth! ? "no difference shown" : mean > 0 ? "better" : "worse";
  const [erased, recovered] = [word(der), word(rir)];
  return erased === recovered ? erased : `DER: ${erased}; RIR: ${recovered}`;
}

function beats({ differences: { der, rir } }: Comparison): boolean {
  return [der, rir].some((summary) =>
    summary !== undefined && summary.halfWidth !== null && summary.mean > summary.halfWidth
  );
}

/** Most cells that are listed by name where they have not finished. */
const LISTED_CELLS = 12;

function unfinishedPart({ unfinished, finished }: SweepReport): ReportPart | undefined {
  if (unfinished.length === 0) return undefined;
  const total = unfinished.length + finished.length;
  const failed = unfinished.filter(({ failure }) => failure !== undefined);
  const open = unfinished.filter(({ failure }) => failure === undefined);
  const shown = open.slice(0, LISTED_CELLS);
  const more = open.length - shown.length;
  return {
    title: "Missing",
    paragraphs: [`Without a result: ${unfinished.length} of ${counted(total, "cell")}.`],
    list: [
      ...failed.map(({ id, failure }) => `${id}: failed: ${failure}`),
      ...shown.map(({ id }) => `${id}: not finished`),
      ...more > 0 ? [`and ${more} more that are not finished (results.json names them)`] : [],
    ],
  };
}

function provenancePart(report: SweepReport): ReportPart {
  const { adapters, versions, days } = provenance(report);
  return {
    title: "Where this comes from",
    paragraphs: [
      `Plan ${report.plan}, ${counted(report.finished.length, "finished cell")}.`,
      ...days.length === 0 ? [] : [
        `Adapter: ${adapters.join("; ")}. Version of Lethe: ${versions.join(", ")}.`,
        `Run on ${days.join(" to ")} (UTC).`,
      ],
    ],
  };
}

/** Settings that every table states. */
const ALWAYS: readonly string[] = ["model", "defense"];

/** Settings that differ between groups become columns; the others are said once. */
function columnsOf(
  groups: readonly { readonly settings: Settings }[],
): { common: string; columns: string[] } {
  const keys = [...new Set(groups.flatMap(({ settings }) => Object.keys(settings)))];
  const isColumn = (key: string) =>
    ALWAYS.includes(key) ||
    groups.some(({ settings }) => settings[key] !== groups[0]!.settings[key]);
  return {
    columns: keys.filter(isColumn),
    common: keys.filter((key) => !isColumn(key))
      .map((key) => `${key} ${groups[0]!.settings[key]}`).join(", "),
  };
}

const seedCount = (n: number) => n === 1 ? "1 (no interval)" : String(n);

/** For example `80.51 ± 0.42`, of shares; `signed` writes a plus too. */
function interval(summary: Summary | undefined, signed = false): string {
  if (!summary) return "";
  const { mean, halfWidth } = summary;
  const text = (100 * mean).toFixed(2);
  const value = signed && mean > 0 ? `+${text}` : text;
  return halfWidth === null ? value : `${value} ± ${(100 * halfWidth).toFixed(2)}`;
}
