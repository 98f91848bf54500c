/** `KEY=VALUE` pairs between commas, as `--attack-options` takes them. */

import type { Kind } from "./kinds.ts";

/**
 * Texts by name. A key or value that has a comma in it, or begins with a quote, stands between double
 * quotes as in JSON: `alpha=0.1,image="data:image/png;base64,AAAA"`.
 */
export const pairs: Kind<Readonly<Record<string, string>>> = {
  expected: "KEY=VALUE, with commas between pairs",
  argument: "key=value,...",
  verbatim: true,
  parse: parsePairs,
  read(value) {
    if (typeof value === "string") return parsePairs(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value);
    return entries.every(([key, text]) => key !== "" && typeof text === "string")
      ? Object.fromEntries(entries)
      : undefined;
  },
  write: (values) =>
    Object.entries(values).map(([key, value]) =>
      `${word(key, /^[^\s",=]+$/)}=${word(value, /^(?!["\s])[^,]*(?<!\s)$/)}`
    ).join(),
};

/** As it stands where that can be read back, else between quotes. */
function word(text: string, plain: RegExp): string {
  return text !== "" && !plain.test(text) ? JSON.stringify(text) : text;
}

function parsePairs(text: string): Record<string, string> | undefined {
  const found: [string, string][] = [];
  for (let at = 0; at <= text.length;) {
    const key = readWord(text, at, "=");
    if (key === undefined || key.word === "" || text[key.end] !== "=") return undefined;
    const value = readWord(text, key.end + 1, ",");
    if (value === undefined) return undefined;
    found.push([key.word, value.word]);
    at = value.end + 1;
  }
  return Object.fromEntries(found);
}

/** The word that begins at `start`, and where it ends: before `stop`, or with the text. */
function readWord(
  text: string,
  start: number,
  stop: string,
): { word: string; end: number } | undefined {
  let at = start;
  while (text[at] === " ") at++;
  if (text[at] !== '"') {
    const found = text.indexOf(stop, at);
    const comma = text.indexOf(",", at);
    // A key that has no value must not reach into the next pair.
    if (stop === "=" && comma >= 0 && comma < found) return undefined;
    const end = found < 0 ? text.length : found;
    return { word: text.slice(at, end).trim(), end };
  }
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  try {
    const word: unknown = JSON.parse(text.slice(at, ++end));
    while (text[end] === " ") end++;
    return end === text.length || text[end] === stop ? { word: String(word), end } : undefined;
  } catch {
    return undefined;
  }
}
