/** The help of a command, from the table of settings, at the width of the terminal. */

import { argumentOf, SECTIONS, type Setting } from "../../src/settings/setting.ts";
import { flagName, rowsOf, SETTINGS, type SettingTable } from "../../src/settings/table.ts";
import type { Command } from "./command.ts";
import { typedCommand } from "../../src/jobs/typed_command.ts";

/** Lines are no longer than this where the terminal is wider: the eye loses its place. */
const WIDEST = 100;

/** Columns of a terminal that does not say. */
const USUAL = 80;

/** Longest flag that has its text on the same line. */
const LONGEST_TERM = 26;

/** Columns that the help may take. */
export function helpWidth(): number {
  try {
    return Math.min(WIDEST, Deno.consoleSize().columns);
  } catch {
    return USUAL;
  }
}

/**
 * What `--help` prints.
 *
 * @param all Whether to show what only experts need, as `--help-all` does.
 */
export function helpText(
  command: Command,
  { all, width, table = SETTINGS }: { all: boolean; width: number; table?: SettingTable },
): string {
  const { name, argument, summary, examples, notes = [] } = command;
  const usage = argument ? ` ${argument.gives ? `[${argument.name}]` : `<${argument.name}>`}` : "";
  const rows = rowsOf(name, table);
  const isHidden = ({ expert = [] }: Setting) => expert === true || expert.includes(name);
  const shown = rows.filter(([, row]) => all || !isHidden(row));
  const hidden = shown.length < rows.length;
  const last: Entry[] = hidden
    ? [["--help-all", "show all flags, those for experts too"]]
    : [["-h, --help", "show this help"]];
  const sections = SECTIONS.map((section) =>
    [
      section,
      [
        ...shown.filter(([, row]) => row.section === section)
          .map(([key, row]): Entry => [termOf(key, row), textOf(row, !hidden)]),
        ...section === "Run" ? last : [],
      ],
    ] as const
  ).filter(([, entries]) => entries.length > 0);
  const column = 4 + Math.max(
    ...sections.flatMap(([, entries]) => entries.map(([term]) => term.length)).filter((length) =>
      length <= LONGEST_TERM
    ),
  );
  const lists = notes.filter(({ expert }) => all || !expert).map(({ heading, entries }) =>
    [
      `${heading}:`,
      ...entries.flatMap(([term, text]) => wrap(`${term}: ${text}`, width, "  ", "    ")),
    ].join("\n")
  );
  return [
    `Usage: ${typedCommand(name)} [options]${usage}`,
    wrap(summary, width, "").join("\n"),
    [
      ...argument?.help ? entryLines([`<${argument.name}>`, argument.help], column, width) : [],
      ...sections.flatMap(([section, entries]) => [
        `${section}:`,
        ...entries.flatMap((entry) => entryLines(entry, column, width)),
      ]),
    ].join("\n"),
    ...lists,
    ["Examples:", ...examples.map((example) => `  ${typedCommand(name)} ${example}`.trimEnd())]
      .join("\n"),
  ].join("\n\n");
}

type Entry = readonly [term: string, text: string];

function termOf(name: string, row: Setting): string {
  const flag = flagName(name, row);
  if (argumentOf(row) !== undefined) return `--${flag} <${argumentOf(row)}>`;
  return { on: `--${flag}`, off: `--no-${flag}`, both: `--[no-]${flag}` }[row.switch ?? "on"];
}

/** Text beyond this is left to `--help-all`. */
const SHORT = 52;

/** What a flag does, and, as far as there is room or all is asked for, what it may be without it. */
function textOf(row: Setting, all: boolean): string {
  const { help, kind, default: value, otherwise } = row;
  const choices = kind.choices?.filter((word) => !help.includes(word)) ?? [];
  const without = otherwise ??
    (argumentOf(row) && value !== undefined ? kind.write(value) : undefined);
  const whole = help + (choices.length > 0 ? `: ${kind.choices!.join(", ")}` : "") +
    (without === undefined ? "" : ` (default: ${without})`);
  return all || whole.length <= SHORT ? whole : help;
}

function entryLines([term, text]: Entry, column: number, width: number): string[] {
  const lines = wrap(text, width, " ".repeat(column));
  if (term.length + 3 > column) return [`  ${term}`, ...lines];
  return [`  ${term}`.padEnd(column) + lines[0]!.slice(column), ...lines.slice(1)];
}

/** Text in lines of at most `width` columns, cut between words. */
function wrap(text: string, width: number, first: string, indent = first): string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(/\s+/)) {
    const begun = line.trim() !== "";
    if (begun && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line += begun ? ` ${word}` : word;
    }
  }
  return [...lines, line];
}
