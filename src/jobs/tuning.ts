/** Which kernels a command runs: chosen by timing where that was done, else the defaults. */

import type { ConvolutionUse } from "../../shaders/convolution/use.ts";
import { UsageError } from "../errors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { choicesPath, loadChoices, saveChoices } from "../tuning/choices_file.ts";
import { quoted } from "../text/quoted.ts";
import { convolutionUses } from "../tuning/convolution_uses.ts";
import { tune } from "../tuning/tune.ts";
import type { Watcher } from "./watcher.ts";

/** What will be trained. */
export interface TuningRequest {
  readonly architectures: readonly Architecture[];
  readonly images: { readonly batch: number; readonly height: number; readonly width: number };
  /** False where `--no-tune` was given. */
  readonly timing: boolean;
  /** The choices that a resumed run began with, as its record has them. */
  readonly kept: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Fills `gpu.choices` with what was chosen before. On a GPU, convolutions that were never seen are
 * timed first and the choices kept in the user's cache folder; a software driver's defaults were
 * measured when they were written (`docs/performance.md`), and only `doctor --tune` times there.
 *
 * @returns The choices, for a run to keep: with others a resumed run would not give the same bits.
 * @throws {UsageError} where a resumed run has choices that cannot be made here.
 */
export async function chooseKernels(
  gpu: Gpu,
  output: Watcher,
  request: TuningRequest,
): Promise<Readonly<Record<string, string>>> {
  if (request.kept) {
    const kept = keptChoices(request.kept);
    for (const [key, name] of kept) gpu.choices.set(key, name);
    // A choice that cannot be made is refused before anything runs.
    for (const use of usesOf(gpu, request)) gpu.choices.find(use);
    return Object.fromEntries(kept);
  }
  const path = choicesPath();
  if (path !== undefined) await loadChoices(gpu, path);
  if (request.timing && !gpu.adapter.software) {
    let timed = false;
    await tune(gpu, usesOf(gpu, request), (_tuned, done, total) => {
      timed = true;
      output.progress(`timing kernels for ${gpu.adapter.name}: ${done} of ${total}`);
    });
    output.end();
    if (timed && path !== undefined) await saveChoices(gpu, path);
  }
  return Object.fromEntries(gpu.choices);
}

function usesOf(gpu: Gpu, { architectures, images }: TuningRequest): ConvolutionUse[] {
  return architectures.flatMap((architecture) =>
    convolutionUses(architecture, images, gpu.capabilities)
  );
}

/**
 * The choices of a run's record. Older versions recorded positions, of which only the first is sure.
 *
 * @throws {UsageError} where one is no name.
 */
export function keptChoices(kept: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(kept).flatMap(([key, name]): [string, string][] => {
    if (typeof name === "string") return [[key, name]];
    if (name === 0) return [];
    const [found, use] = [quoted(String(name)), quoted(key)];
    throw new UsageError(
      `cannot resume with kernel ${found} for ${use}: expected the name of a kernel; an older ` +
        "version counted kernels, and this one may count otherwise; start the run anew",
    );
  });
}
