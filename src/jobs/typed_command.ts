/**
 * Commands for people to type. The script `run` hands over how it was called itself, so that what is
 * printed can be pasted; without it, commands are tasks of Deno.
 */

import { shellQuoted } from "../text/shell.ts";

/** What `run` says of itself: `./run`, or from another folder `../lethe/run`. */
const VARIABLE = "LETHE_COMMAND";

/** A command with its arguments, as it can be typed in the user's folder. */
export function typedCommand(...words: readonly string[]): string {
  const { state } = Deno.permissions.querySync({ name: "env", variable: VARIABLE });
  const script = state === "granted" ? Deno.env.get(VARIABLE) : undefined;
  return [script ? shellQuoted(script) : "deno task", ...words.map(shellQuoted)].join(" ");
}
