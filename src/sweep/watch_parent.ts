/**
 * Imported first by a program that a sweep runs. Standard input is a pipe from the sweep: its one
 * line names a lock, which no two processes of a cell hold at once, and its end is that of the sweep.
 *
 * A sweep that is killed would leave its cells running otherwise, and the next one would run them a
 * second time; and between the death of a sweep and that of its cells there is a moment.
 */

const pipe = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();

/** Ends the process when the sweep is gone. */
async function endWithParent(): Promise<never> {
  while (!(await pipe.read().catch(() => ({ done: true }))).done);
  Deno.exit(1);
}

/** The line that the sweep writes when it starts the process; short enough to come in one piece. */
const { value: path } = await pipe.read();
endWithParent();
if (path !== undefined) {
  // Held until the process ends. File systems without locks refuse; heartbeats have to do there.
  const file = await Deno.open(path.trimEnd(), { create: true, write: true });
  await file.lock(true).catch(() => {});
}
