/** What a defence does for a network that came out of an ONNX file. */

import type { ImageSet } from "../data/image_set.ts";
import { findDefense } from "../defenses/defenses.ts";
import { FormatError } from "../errors.ts";
import type { OnnxModel } from "../formats/onnx.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { quoted } from "../text/quoted.ts";
import { uploadImages } from "../train/image_store.ts";
import { type RestoredNetwork, restoreNorms } from "../train/restore_norms.ts";
import type { DefenseRunSettings } from "./defense_settings.ts";
import type { LoadedModel } from "./load.ts";
import type { JobContext } from "./watcher.ts";

/**
 * Refuses a model whose tensors lie beside it in files that could be taken for those of a run: a
 * cleaned copy of them is written into the run folder, under the names that the model knows.
 */
export function expectOwnNames({ files, source }: OnnxModel): void {
  const odd = [...files.keys()].find((name) => name !== "" && !name.endsWith(".data"));
  if (odd === undefined) return;
  throw new FormatError(
    `cannot clean ${source}: found tensors in the file ${quoted(odd)}, expected a name that ends ` +
      "with .data; export the model with its tensors inside",
  );
}

/**
 * The student with the batch norms that its exporter folded away, for defences that train. What an
 * ONNX file holds without them diverges at the recipes' learning rates, or keeps its backdoor.
 */
export async function normsFor(
  gpu: Gpu,
  { settings, student, clean }: {
    settings: DefenseRunSettings;
    student: LoadedModel;
    clean: { train: ImageSet };
  },
  { output, signal }: Pick<JobContext, "output" | "signal">,
): Promise<RestoredNetwork | undefined> {
  if (!student.onnx || !findDefense(settings.defense).trains) return undefined;
  using store = uploadImages(gpu, clean.train);
  const { source } = student;
  const { preprocessing } = settings;
  const options = { source, preprocessing, signal };
  const restored = await restoreNorms(gpu, student.onnx.network, store, options);
  if (restored) {
    output.line(
      `convolutions with a bias and no batch norm, as exporters leave them: ${restored.norms}; each is ` +
        "trained with one, measured on the clean images, and folded again",
    );
  }
  return restored;
}
