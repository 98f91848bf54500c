/** Every setting of a run. */

import { isObject } from "./json_value.ts";
import { duration } from "./number_text.ts";
import { type IllustratedSection, valueText } from "./report_input.ts";
import type { RunContents } from "./run_contents.ts";
import { table } from "./table.ts";

/** What `run.json` says of how the run came about, results left out. */
export function settingsSection({ path, record }: RunContents): IllustratedSection {
  const { command, lethe, deno, adapter, started, finished, seconds, settings } = record;
  const facts = { folder: path, command, started, finished, lethe, deno, adapter };
  return {
    title: "Settings",
    body: table({
      caption: "The run, and everything that determines it",
      style: "settings",
      head: ["Setting", "value"],
      rows: [
        ...Object.entries(facts).map(([name, value]) => [name, valueText(value)]),
        ["wall time", duration(seconds)],
        ...leaves(settings, "").map(([name, value]) => [name, valueText(value)]),
      ],
    }),
  };
}

/** All values in nested objects under their dotted names; lists are values. */
function leaves(value: unknown, name: string): [string, unknown][] {
  if (!isObject(value) || Object.keys(value).length === 0) return [[name, value]];
  return Object.entries(value).flatMap(([key, inner]) =>
    leaves(inner, name === "" ? key : `${name}.${key}`)
  );
}
