/** Runs commands as a user does: child processes with the very permissions that deno.json gives. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import configuration from "../../deno.json" with { type: "json" };
import { runCommand } from "../../tasks/command_line/run_command.ts";
import { COMMANDS } from "../../tasks/main.ts";

/** The folder of the project, without a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

/** Commands that these tests run. */
export type Task =
  | "erase"
  | "defend"
  | "attack"
  | "audit"
  | "evaluate"
  | "report"
  | "sweep"
  | "doctor"
  | "bench";

/**
 * Environment in which the Vulkan loader finds no driver, and Deno may not take OpenGL, which some
 * machines have too. Only Linux chooses its drivers by environment variables.
 */
export const NO_DRIVER = {
  DENO_WEBGPU_BACKEND: "vulkan",
  VK_DRIVER_FILES: "/nonexistent",
  VK_ICD_FILENAMES: "/nonexistent",
} as const;

/** How to run a command. */
export interface RunOptions {
  /** The folder in which the user types it. Default: the project's. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Deno beside those of the task, `--deny-net` for example. */
  readonly denied?: readonly string[];
}

/** What a command left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Arguments for Deno, from the task of deno.json: `deno run FLAGS tasks/main.ts NAME`. */
function denoArguments(task: Task, denied: readonly string[] = []): string[] {
  const [deno, run, ...rest] = configuration.tasks[task].command.split(" ");
  const last = rest.splice(-2);
  assert.deepEqual([deno, run, ...last], ["deno", "run", "tasks/main.ts", task]);
  assert.ok(rest.every((flag) => flag.startsWith("--")), "only flags before the script");
  return ["run", "--quiet", ...rest, ...denied, ...last];
}

/** Starts a command; its output is piped. */
export function start(
  task: Task,
  args: readonly string[],
  options: RunOptions = {},
): Deno.ChildProcess {
  return new Deno.Command("deno", {
    args: [...denoArguments(task, options.denied), ...args],
    cwd: ROOT,
    // Without the folder Mesa's drivers print a line of complaint.
    env: {
      INIT_CWD: options.folder ?? ROOT,
      LETHE_COMMAND: "",
      XDG_RUNTIME_DIR: ROOT,
      ...options.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for a command and collects its output. */
export async function finish(child: Deno.ChildProcess): Promise<Finished> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a command to its end. */
export async function runTask(
  task: Task,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return await finish(start(task, args, options));
}

/** Runs a command in this process, as if it had been typed in `folder`. */
export async function runHere(
  task: Task,
  args: readonly string[],
  options: { readonly folder?: string } = {},
): Promise<Finished> {
  const command = COMMANDS.find(({ name }) => name === task)!;
  const written = { out: [] as number[], error: [] as number[] };
  const stream = (name: keyof typeof written) => ({
    writeSync: (bytes: Uint8Array) => written[name].push(...bytes) && bytes.length,
    isTerminal: () => false,
  });
  const before = Deno.cwd();
  Deno.chdir(options.folder ?? ROOT);
  try {
    const code = await runCommand(command, args, {
      signal: new AbortController().signal,
      out: stream("out"),
      error: stream("error"),
    });
    const text = (bytes: number[]) => new TextDecoder().decode(Uint8Array.from(bytes));
    return { code, stdout: text(written.out), stderr: text(written.error) };
  } finally {
    Deno.chdir(before);
  }
}

/**
 * Asserts that a command ended with one message that fits `message`, the given exit code, nothing on
 * standard output and no stack trace.
 */
export function assertRefused(finished: Finished, code: 1 | 2, message: RegExp): void {
  const { stdout, stderr } = finished;
  const errors = stderr.split("\n").filter((line) => line.startsWith("error:"));
  assert.equal(finished.code, code, stderr);
  assert.equal(stdout, "");
  assert.equal(errors.length, 1, stderr);
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /Uncaught|^\s+at .*:\d+:\d+/m);
}

/** The names of all files under `folder`, sorted. */
export async function filesUnder(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) names.push(name);
    else names.push(...(await filesUnder(`${folder}/${name}`)).map((file) => `${name}/${file}`));
  }
  return names.sort();
}
