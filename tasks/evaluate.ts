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
  addAttackFlags,
  addDataFlags,
  addModelFlags,
  type AttackFlags,
  type DataFlags,
  type ModelFlags,
  RECORDED_ATTACK,
} from "./command_line/flags.ts";
import {
  backdoorSettings,
  dataSettings,
  downloadIfAsked,
  expectClasses,
  loadBackdoor,
  loadData,
  loadNetwork,
  openGpuFor,
} from "./command_line/load.ts";
import {
  evaluationDocument,
  evaluationProgressText,
  measurementWarnings,
  resultsTable,
} from "./command_line/results.ts";
import { newCommand, runCommand } from "./command_line/run_command.ts";
import { flag, integer } from "./command_line/values.ts";

type Flags = DataFlags & ModelFlags & AttackFlags & { logits?: string; seed: number };

const command = newCommand("evaluate", "Accuracy and attack success of a model.", [
  "--model student.safetensors --dataset cifar10 --data ./data",
  "--model student.safetensors --dataset cifar10 --attack badnets --target 5 --json",
  "--model models/signs-badnets.safetensors --attack recorded",
  "--model clean.safetensors --dataset cifar10 --attack backdoored.safetensors",
]);
addModelFlags(command);
addDataFlags(command);
addAttackFlags(command, RECORDED_ATTACK);
command
  .option("--logits <file.npy>", "also write the logits, float32 [N, classes]")
  .addOption(flag("--seed <n>", "of random triggers", integer(0)).default(1));

await runCommand(command, async ({ output, signal }) => {
  const flags = command.opts<Flags>();
  if (flags.model === undefined) {
    throw new UsageError("cannot evaluate without a model: name one by --model");
  }
  if (flags.logits !== undefined && await kindOf(dirname(flags.logits)) !== "folder") {
    throw new FormatError(`cannot write ${shown(flags.logits)}: its folder does not exist`);
  }
  const settings = await dataSettings(flags);
  await downloadIfAsked(flags, output);
  const network = await loadNetwork(flags.model, flags.arch);
  const dataset = await loadData(settings, "none", output);
  expectClasses(network, dataset);
  const attack = await backdoorSettings(flags, network, flags.seed);
  const loaded = await loadBackdoor(attack, dataset);
  const gpu = await openGpuFor(output);
  const model = loadModel(gpu, network.architecture, network.state, network.source);
  const evaluation = await evaluateModel(gpu, model, uploadImages(gpu, dataset.test), {
    preprocessing: settings.preprocessing,
    backdoor: loaded?.backdoor,
    logits: flags.logits !== undefined,
    signal,
    onProgress: (images) =>
      output.progress(
        evaluationProgressText(flags.model!, images, dataset.test.labels.length),
      ),
  });
  if (flags.logits !== undefined && evaluation.logits) {
    const shape = [evaluation.samples, network.architecture.classes];
    const bytes = writeNpy({ dtype: "float32", shape, data: evaluation.logits });
    await writeFileAtomic(flags.logits, bytes);
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
  gpu.close();
});
