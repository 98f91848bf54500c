/** Which kernels a command runs: chosen by timing where that was done, else the defaults. */

import type { Gpu } from "../../src/gpu/gpu.ts";
import type { Architecture } from "../../src/nn/architecture.ts";
import { choicesPath, loadChoices, saveChoices } from "../../src/tuning/choices_file.ts";
import { convolutionUses } from "../../src/tuning/convolution_uses.ts";
import { tune } from "../../src/tuning/tune.ts";
import type { Output } from "./output.ts";

/** What will be trained. */
export interface TuningRequest {
  readonly architectures: readonly Architecture[];
  readonly images: { readonly batch: number; readonly height: number; readonly width: number };
  /** False where `--no-tune` was given. */
  readonly timing: boolean;
  /** The choices that a resumed run began with. */
  readonly kept: Readonly<Record<string, number>> | undefined;
}

/**
 * Fills `gpu.choices` with what was chosen before. On a GPU, convolutions that were never seen are
 * timed first and the choices kept in the user's cache folder; a software driver's defaults were
 * measured when they were written (`docs/performance.md`), and only `doctor --tune` times there.
 *
 * @returns The choices, for a run to keep: with others a resumed run would not give the same bits.
 */
export async function chooseKernels(
  gpu: Gpu,
  output: Output,
  request: TuningRequest,
): Promise<Readonly<Record<string, number>>> {
  if (request.kept) {
    for (const [key, index] of Object.entries(request.kept)) gpu.choices.set(key, index);
    return request.kept;
  }
  const path = choicesPath();
  if (path !== undefined) await loadChoices(gpu, path);
  if (request.timing && !gpu.adapter.software) {
    const uses = request.architectures.flatMap((architecture) =>
      convolutionUses(architecture, request.images, gpu.capabilities)
    );
    let timed = false;
    await tune(gpu, uses, (_tuned, done, total) => {
      timed = true;
      output.progress(`timing kernels for ${gpu.adapter.name}: ${done} of ${total}`);
    });
    output.end();
    if (timed && path !== undefined) await saveChoices(gpu, path);
  }
  return Object.fromEntries(gpu.choices);
}
