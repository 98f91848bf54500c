/** Runs a cell's program in a process of its own, with what it prints in a file. */

import { stripVTControlCharacters } from "node:util";
import { FormatError, LetheError, messageOf } from "../errors.ts";
import { signalProcess } from "./signal_process.ts";

/** How a process is watched. */
export interface ProcessOptions {
  /** File that the process locks as long as it lives (`watch_parent.ts`). */
  readonly lock: string;
  /** File that what it prints is added to. */
  readonly log: string;
  /** First line of that. */
  readonly heading: string;
  /** Asks the process to stop, as Ctrl-C does. */
  readonly stop: AbortSignal;
  /** Ends it at once. */
  readonly kill: AbortSignal;
}

/** How a process ended. */
export interface ProcessEnd {
  /** 128 and more where a signal ended it. */
  readonly exitCode: number;
  /** The last error that it printed, or its last line. */
  readonly message: string;
}

/** Characters of the end of what is printed that are searched for an error. */
const TAIL = 4096;

/**
 * Runs `program`, a program and its arguments, to its end.
 *
 * The process is in a session of its own, so that Ctrl-C at a terminal reaches the sweep alone,
 * which passes it on once. Its standard input is a pipe that names the lock and closes when the sweep
 * dies, however it dies: the program is to end then (`watch_parent.ts`).
 *
 * @throws {LetheError} where it cannot be started, or its log not be opened.
 */
export async function runCellProcess(
  program: readonly string[],
  options: ProcessOptions,
): Promise<ProcessEnd> {
  using log = await openLog(options.log);
  let full = false;
  // A log that cannot grow, on a disk that is full, ends no job.
  const write = async (bytes: Uint8Array) => {
    try {
      for (let done = 0; !full && done < bytes.length;) {
        done += await log.write(bytes.subarray(done));
      }
    } catch {
      full = true;
    }
  };
  await write(new TextEncoder().encode(`${options.heading}\n`));
  const child = start(program);
  const pipe = child.stdin.getWriter();
  // A program that ends at once does not read it.
  await pipe.write(new TextEncoder().encode(`${options.lock}\n`)).catch(() => {});
  const kill = () => signalProcess(child, "SIGKILL");
  const stop = () => signalProcess(child, "SIGINT");
  options.stop.addEventListener("abort", stop);
  options.kill.addEventListener("abort", kill);
  let tail = "";
  const keep = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-TAIL);
      await write(chunk);
    }
  };
  try {
    if (options.stop.aborted) stop();
    await Promise.all([keep(child.stdout), keep(child.stderr)]);
  } finally {
    options.stop.removeEventListener("abort", stop);
    options.kill.removeEventListener("abort", kill);
  }
  const { code, signal } = await child.status;
  await pipe.close().catch(() => {});
  return {
    exitCode: code,
    message: lastError(tail) ?? (signal ? `ended by ${signal}` : `ended with exit code ${code}`),
  };
}

async function openLog(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { append: true, create: true });
  } catch (error) {
    const reason = messageOf(error);
    throw new FormatError(`cannot write ${path}: ${reason}`, { cause: error });
  }
}

function start([command, ...args]: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command(command!, {
      args,
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    const reason = messageOf(error);
    throw new LetheError(`cannot start ${command}: ${reason}`, { cause: error });
  }
}

function lastError(text: string): string | undefined {
  // Deno colours its own messages where FORCE_COLOR is set.
  const lines = stripVTControlCharacters(text).split(/[\r\n]+/).map((line) => line.trim()).filter((
    line,
  ) => line !== "");
  const error = lines.findLast((line) => line.startsWith("error: "));
  return error?.slice("error: ".length) ?? lines.at(-1);
}
