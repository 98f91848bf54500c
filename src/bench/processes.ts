/** Measurements of whole processes: the time to the first step, and the peak of memory. */

import { fileURLToPath } from "node:url";
import { LetheError } from "../errors.ts";

/** Time from the start of a process to the end of its first training step, seconds. */
export interface FirstStepSeconds {
  /** Without the driver's cache of compiled kernels; null where it cannot be told to do without. */
  readonly cold: number | null;
  /** With it. */
  readonly warm: number;
}

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));

/** Makes Mesa's drivers compile every kernel anew. */
const WITHOUT_CACHE = { MESA_SHADER_CACHE_DISABLE: "true" };

/** Names of the drivers that belong to Mesa. */
const MESA = /llvmpipe|lavapipe|mesa|radv|nvk|turnip|v3dv|panvk|venus/i;

/** Starts fresh processes that train for one step. */
export async function measureFirstStep(
  adapter: string,
  arch: string,
  batchSize: number,
): Promise<FirstStepSeconds> {
  const seconds = async (env: Record<string, string>) =>
    await runChild(["first-step", arch, String(batchSize)], env, (_, seconds) => seconds);
  const cold = MESA.test(adapter) ? await seconds(WITHOUT_CACHE) : null;
  await seconds({}); // Fills the cache.
  return { cold, warm: await seconds({}) };
}

/** Largest resident memory of a process that does the main job with short epochs, bytes. */
export async function measurePeakMemory(arch: string, batchSize: number): Promise<number> {
  return await runChild(["erase", arch, String(batchSize)], {}, async (line, _seconds, pid) => {
    const resident = Number(line);
    return Deno.build.os === "linux" ? await peakResident(pid) ?? resident : resident;
  });
}

/**
 * Runs `child.ts` until it prints a line, which `look` sees together with the time since the start
 * and the process's number, and then ends it.
 */
async function runChild<T>(
  args: readonly string[],
  env: Record<string, string>,
  look: (line: string, seconds: number, pid: number) => T | Promise<T>,
): Promise<T> {
  const start = performance.now();
  const child = new Deno.Command("deno", {
    args: ["run", "--quiet", "--no-prompt", CHILD, ...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value: line } = await reader.read();
  const seconds = (performance.now() - start) / 1000;
  try {
    if (line === undefined) {
      throw new LetheError(`cannot measure a fresh process: its job "${args[0]}" failed`);
    }
    return await look(line, seconds, child.pid);
  } finally {
    await child.stdin.close();
    await reader.cancel();
    await child.status;
  }
}

/** What Linux knows of a process that still runs; Deno itself may not read it. */
async function peakResident(pid: number): Promise<number | undefined> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'cat "/proc/$1/status"', "sh", String(pid)],
  }).output();
  return parsePeakResident(new TextDecoder().decode(stdout));
}

/** `VmHWM` of the text of `/proc/PID/status`, bytes. */
export function parsePeakResident(status: string): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : 1024 * Number(kibibytes);
}
