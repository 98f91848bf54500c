/** A sweep's report as Markdown. */

import type { ReportPart, ReportTable } from "./report_tables.ts";

/** The text of `table.md`. */
export function markdownReport(
  { title, description }: { readonly title: string; readonly description: string },
  parts: readonly ReportPart[],
): string {
  const blocks = [
    `# ${escaped(title)}`,
    ...description === "" ? [] : [escaped(description)],
    ...parts.flatMap(({ title, paragraphs, table, list }) => [
      `## ${title}`,
      ...paragraphs.map(escaped),
      ...table ? [markdownTable(table)] : [],
      ...list && list.length > 0 ? [list.map((item) => `- ${escaped(item)}`).join("\n")] : [],
    ]),
  ];
  return blocks.join("\n\n") + "\n";
}

/**
 * Text that Markdown takes for nothing but text: on one line, without tags, links, emphasis or the
 * bars of tables.
 */
function escaped(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*[\]<>|]/g, "\\$&");
}

/** A table with its columns in line; the first is text, the others mostly numbers. */
function markdownTable({ head, rows }: ReportTable): string {
  const cells = [head, ...rows].map((row) => row.map(escaped));
  const widths = head.map((_, i) => Math.max(3, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join("\n");
}
