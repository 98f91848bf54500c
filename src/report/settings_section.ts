/** Every setting of a run. */

import { isObject } from "./json_value.ts";
import { duration } from "./number_text.ts";
import { type IllustratedSection, valueText } from "./report_input.ts";
import type { RunContents } from "./run_contents.ts";
import { table } from "./table.ts";

/** Settings that are shown; a run has about a hundred. */
const MOST_SETTINGS = 500;

/** What `run.json` says of how the run came about, results left out. */
export function settingsSection({ path, record }: RunContents): IllustratedSection {
  const { command, lethe, deno, adapter, started, finished, seconds, settings } = record;
  const facts = { folder: path, command, started, finished, lethe, deno, adapter };
  const shown: [string, unknown][] = [];
  let count = 0;
  for (const leaf of leaves(settings, "")) if (count++ < MOST_SETTINGS) shown.push(leaf);
  const cut = count > MOST_SETTINGS ? `; the first ${MOST_SETTINGS} of ${count} settings` : "";
  return {
    title: "Settings",
    body: table({
      caption: `The run, and everything that determines it${cut}`,
      style: "settings",
      head: ["Setting", "value"],
      rows: [
        ...Object.entries(facts).map(([name, value]) => [name, valueText(value)]),
        ["wall time", duration(seconds)],
        ...shown.map(([name, value]) => [name, valueText(value)]),
      ],
    }),
  };
}

/** All values in nested objects under their dotted names; lists are values. */
function* leaves(value: unknown, name: string): Generator<[string, unknown]> {
  const keys = isObject(value) ? Object.keys(value) : [];
  if (!isObject(value) || keys.length === 0) yield [name, value];
  else for (const key of keys) yield* leaves(value[key], name === "" ? key : `${name}.${key}`);
}
