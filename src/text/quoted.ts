/** Text from files, folders and command lines, made safe to print: one place quotes and caps. */

/** Most characters of a foreign text that a message repeats. */
const MAXIMUM_CHARACTERS = 200;

/** What a terminal would obey, hide or turn around, and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text with every character that a terminal would obey, hide or turn around escaped as in JSON. */
export function withoutControls(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) =>
      character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join(""),
  );
}

/**
 * Foreign text in double quotes, with control, invisible and direction characters escaped as in
 * JSON; of a longer text the first 200 characters and a count of the rest.
 */
export function quoted(text: string): string {
  const rest = text.length - MAXIMUM_CHARACTERS;
  const escaped = withoutControls(JSON.stringify(text.slice(0, MAXIMUM_CHARACTERS)));
  return rest > 0 ? `${escaped} and ${rest} more characters` : escaped;
}

/** Foreign text as it is where that is short and harmless, else {@linkcode quoted}. */
export function shown(text: string): string {
  const harmless = text !== "" && text.length <= MAXIMUM_CHARACTERS &&
    text.search(UNPRINTABLE) < 0;
  return harmless ? text : quoted(text);
}
