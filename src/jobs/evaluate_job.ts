/** The measurement of a model, from flags to a document. */

import { dirname } from "node:path";
import { kindOf } from "../data/paths.ts";
import { FormatError } from "../errors.ts";
import { writeNpy } from "../formats/npy.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import { loadModel } from "../nn/model.ts";
import type { EvaluationDocument } from "../runs/evaluation.ts";
import type { Flags } from "../settings/table.ts";
import { shown } from "../text/quoted.ts";
import { evaluateModel } from "../train/evaluate.ts";
import { uploadImages } from "../train/image_store.ts";
import {
  backdoorSettings,
  dataSettings,
  expectClasses,
  loadBackdoor,
  loadData,
  loadNetwork,
  openGpuFor,
  warnOfUnread,
} from "./load.ts";
import { COMPILING, evaluationDocument, evaluationProgressText } from "./results.ts";
import { decideVariant } from "./variant.ts";
import type { JobContext } from "./watcher.ts";

/** What a measurement came to. */
export interface EvaluationResult {
  /** The counts and shares. */
  readonly document: EvaluationDocument;
  /** Name of the architecture. */
  readonly architecture: string;
  /** In label order. */
  readonly classNames: readonly string[];
}

/** Measures the model of `source` as the flags say. */
export async function evaluateJob(
  { output, signal }: JobContext,
  source: string,
  flags: Flags<"evaluate">,
): Promise<EvaluationResult> {
  const { logitsFile } = flags;
  if (logitsFile !== undefined && await kindOf(dirname(logitsFile)) !== "folder") {
    throw new FormatError(`cannot write ${shown(logitsFile)}: its folder does not exist`);
  }
  const settings = await dataSettings(flags);
  const loadedNetwork = await loadNetwork(source, flags.arch, flags.key);
  warnOfUnread(loadedNetwork, output);
  const dataset = await loadData(settings, "none", output);
  expectClasses(loadedNetwork, dataset);
  const attack = await backdoorSettings(flags, loadedNetwork, flags.seed);
  const loaded = await loadBackdoor(attack, dataset);
  using gpu = await openGpuFor(output);
  const { preprocessing } = settings;
  const trial = { preprocessing, output, signal };
  const network = await decideVariant(gpu, loadedNetwork, dataset.test, trial);
  const model = loadModel(gpu, network.architecture, network.state, network.source);
  output.progress(COMPILING);
  const evaluation = await evaluateModel(gpu, model, uploadImages(gpu, dataset.test), {
    preprocessing,
    backdoor: loaded?.backdoor,
    logits: logitsFile !== undefined,
    signal,
    onProgress: (images) =>
      output.progress(
        evaluationProgressText(source, images, dataset.test.labels.length),
      ),
  });
  if (logitsFile !== undefined && evaluation.logits) {
    const shape = [evaluation.samples, network.architecture.classes];
    const bytes = writeNpy({ dtype: "float32", shape, data: evaluation.logits });
    await writeFileAtomic(logitsFile, bytes);
  }
  const document = evaluationDocument(evaluation, {
    model: source,
    dataset: dataset.name,
    adapter: gpu.adapter.name,
    backdoor: loaded?.description ?? null,
  });
  return { document, architecture: network.architecture.name, classNames: dataset.classNames };
}
