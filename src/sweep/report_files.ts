/** Writes a sweep's report: for reading, for a browser, for a spreadsheet, for programs. */

import { writeFileAtomic } from "../formats/write_file.ts";
import type { EvaluationDocument } from "../runs/evaluation.ts";
import type { Settings } from "../settings/plan.ts";
import { csvReport } from "./report_csv.ts";
import { htmlReport } from "./report_html.ts";
import { markdownReport } from "./report_markdown.ts";
import { reportParts } from "./report_tables.ts";
import type { SweepReport } from "./sweep_report.ts";

/** A finished cell in `results.json`. */
export interface ResultRow {
  /** Name of the cell. */
  readonly id: string;
  /** Name of the attack that is measured, or `none`. */
  readonly attack: string;
  /** Name of the defence. */
  readonly defense: string;
  /** Name of the recipe. */
  readonly recipe: string;
  /** Of everything random. */
  readonly seed: number;
  /** As in `evaluate --json`, but that paths are the plan's and the sweep's own. */
  readonly before: EvaluationDocument;
  /** The same of the cleaned model. */
  readonly after: EvaluationDocument;
  /** Of the teacher, where the defence has one. */
  readonly teacher?: EvaluationDocument;
  /** All settings of the cell, and digests of its networks. */
  readonly settings: Settings;
  /** Name of the GPU adapter. */
  readonly adapter: string;
  /** Version of this program. */
  readonly lethe: string;
  /** ISO 8601. */
  readonly started: string;
  /** Wall time. */
  readonly seconds: number;
}

/** What `results.json` holds. */
export interface ResultsDocument {
  /** Of the plan. */
  readonly title: string;
  /** Name of the plan's file. */
  readonly plan: string;
  /** Every cell that has finished, in the plan's order. */
  readonly rows: readonly ResultRow[];
  /** Cells without a result. */
  readonly missing: readonly { readonly id: string; readonly failure: string | null }[];
}

/** The content of `results.json`. */
export function resultsDocument(report: SweepReport): ResultsDocument {
  return {
    title: report.title,
    plan: report.plan,
    rows: report.finished.map(({ cell, result, identity }) => {
      const { defense, recipe, seed } = cell.settings;
      const { adapter, lethe, started, seconds } = result.run;
      const run = `cells/${cell.id}/run`;
      const named = (evaluation: EvaluationDocument, model: string) => ({ ...evaluation, model });
      return {
        id: cell.id,
        attack: result.after.attack?.name ?? "none",
        defense,
        recipe,
        seed,
        before: named(result.before, cell.model.model),
        after: named(result.after, `${run}/student.safetensors`),
        ...result.teacher
          ? { teacher: named(result.teacher, cell.teacher ?? `${run}/teacher.safetensors`) }
          : {},
        settings: identity,
        adapter,
        lethe,
        started,
        seconds,
      };
    }),
    missing: report.unfinished.map(({ id, failure }) => ({ id, failure: failure ?? null })),
  };
}

/**
 * Writes `table.md`, `table.html`, `table.csv` and `results.json` into `folder`.
 *
 * @throws {FormatError} where one cannot be written.
 */
export async function writeReport(folder: string, report: SweepReport): Promise<void> {
  const parts = reportParts(report);
  const files = {
    "table.md": markdownReport(report, parts),
    "table.html": htmlReport(report, parts),
    "table.csv": csvReport(report.groups),
    "results.json": JSON.stringify(resultsDocument(report), null, 2) + "\n",
  };
  for (const [name, text] of Object.entries(files)) {
    await writeFileAtomic(`${folder}/${name}`, new TextEncoder().encode(text));
  }
}
