/** `deno task evaluate`: accuracy, and with an attack named its success, of one model. */

import { dirname } from "node:path";
import { kindOf } from "../src/data/paths.ts";
import { FormatError, UsageError } from "../src/errors.ts";
import { writeNpy } from "../src/formats/npy.ts";
import { writeFileAtomic } from "../src/formats/write_file.ts";
import { loadModel } from "../src/nn/model.ts";
import { evaluateModel } from "../src/train/evaluate.ts";
import { shown } from "../src/text/quoted.ts";
import { uploadImages } from "../src/train/image_store.ts";
import {
  backdoorSettings,
  dataSettings,
  downloadIfAsked,
  expectClasses,
  loadBackdoor,
  loadData,
  loadNetwork,
  openGpuFor,
  warnOfUnread,
} from "./command_line/load.ts";
import {
  COMPILING,
  evaluationDocument,
  evaluationProgressText,
  measurementWarnings,
  resultsTable,
} from "./command_line/results.ts";
import { MEASURED_ATTACKS } from "./command_line/attack_notes.ts";
import { defineCommand } from "./command_line/command.ts";

/** Measures a model. */
export const evaluate = defineCommand({
  name: "evaluate",
  summary: "Accuracy and attack success of a model.",
  examples: [
    "student.safetensors --dataset cifar10 --data ./data",
    "student.pth --dataset cifar10 --attack badnets --target 5",
    "models/signs-badnets.safetensors --attack recorded",
    "clean.pth --dataset cifar10 --attack backdoored.safetensors",
  ],
  argument: { name: "model", gives: "model" },
  notes: MEASURED_ATTACKS,
  async run({ output, signal }, flags) {
    if (flags.model === undefined) {
      throw new UsageError("cannot evaluate without a model: name one by --model");
    }
    const { logitsFile } = flags;
    if (logitsFile !== undefined && await kindOf(dirname(logitsFile)) !== "folder") {
      throw new FormatError(`cannot write ${shown(logitsFile)}: its folder does not exist`);
    }
    const settings = await dataSettings(flags);
    await downloadIfAsked(flags, output);
    const network = await loadNetwork(flags.model, flags.arch);
    warnOfUnread(network, output);
    const dataset = await loadData(settings, "none", output);
    expectClasses(network, dataset);
    const attack = await backdoorSettings(flags, network, flags.seed);
    const loaded = await loadBackdoor(attack, dataset);
    using gpu = await openGpuFor(output);
    const model = loadModel(gpu, network.architecture, network.state, network.source);
    output.progress(COMPILING);
    const evaluation = await evaluateModel(gpu, model, uploadImages(gpu, dataset.test), {
      preprocessing: settings.preprocessing,
      backdoor: loaded?.backdoor,
      logits: logitsFile !== undefined,
      signal,
      onProgress: (images) =>
        output.progress(
          evaluationProgressText(flags.model!, images, dataset.test.labels.length),
        ),
    });
    if (logitsFile !== undefined && evaluation.logits) {
      const shape = [evaluation.samples, network.architecture.classes];
      const bytes = writeNpy({ dtype: "float32", shape, data: evaluation.logits });
      await writeFileAtomic(logitsFile, bytes);
    }
    const document = evaluationDocument(evaluation, {
      model: flags.model,
      dataset: dataset.name,
      adapter: gpu.adapter.name,
      backdoor: loaded?.description ?? null,
    });
    output.result(resultsTable([[network.architecture.name, document]]));
    const { classNames } = dataset;
    for (const warning of measurementWarnings(document, classNames)) output.warning(warning);
    output.document(document);
  },
});
