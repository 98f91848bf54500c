/** Words as a POSIX shell takes them, for commands that people paste. */

/** `word` as one argument: as it is where nothing in it means anything to a shell, else in quotes. */
export function shellQuoted(word: string): string {
  return /^[\w/.,:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
