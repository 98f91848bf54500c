/** `deno task attack`: trains a network from scratch, with a backdoor or, by `none`, without. */

import { BACKDOOR_KEY } from "../src/attacks/backdoor.ts";
import { implant } from "../src/attacks/implant.ts";
import { poisonedSet } from "../src/attacks/poisoned_set.ts";
import { imageCount } from "../src/data/image_set.ts";
import { UsageError } from "../src/errors.ts";
import { namedArchitecture } from "../src/nn/architectures.ts";
import { makePoisonedFolder, writePoisonedFolder } from "../src/report/poisoned_folder.ts";
import type { RunFolder } from "../src/runs/run_folder.ts";
import type { Flags } from "../src/settings/table.ts";
import { checkSnapshot } from "../src/runs/snapshot_file.ts";
import { stepsPerEpoch } from "../src/train/trainer.ts";
import { shown } from "../src/text/quoted.ts";
import { VERSION } from "../src/version.ts";
import {
  type AttackSettings,
  attackSettings,
  descriptionOf,
  implantTraining,
  loadTrainingData,
  resumedAttack,
  subsetOf,
} from "./command_line/attack_settings.ts";
import { writeGallery } from "./command_line/gallery.ts";
import { dataSettings, downloadIfAsked, openGpuFor } from "./command_line/load.ts";
import { planAttack, prepareAttack, readPrepared } from "./command_line/poisoning.ts";
import { chooseKernels } from "./command_line/tuning.ts";
import {
  COMPILING,
  evaluationDocument,
  evaluationProgressText,
  measurementWarnings,
  progressText,
  resultsTable,
} from "./command_line/results.ts";
import { TRAINED_ATTACKS } from "./command_line/attack_notes.ts";
import { type CommandContext, defineCommand } from "./command_line/command.ts";
import {
  beginRun,
  checkResumeFlags,
  continueRun,
  expectSameRun,
  imagesOf,
  inRunFolder,
} from "./command_line/runs.ts";
import { typedCommand } from "./command_line/typed_command.ts";
import { metricsLines } from "./command_line/training.ts";

/** Implants a backdoor. */
export const attack = defineCommand({
  name: "attack",
  summary: "Trains a network from scratch on a poisoned data set; with --attack none, a clean one.",
  examples: [
    "--dataset signs --attack badnets --target 7",
    "--dataset cifar10 --attack badnets --target 5 --epochs 20",
    "--dataset ./pictures --attack sig --attack-options delta=10",
    "--dataset ./pictures --attack none",
    "--dataset cifar10 --attack sig --gallery sig.png",
  ],
  notes: TRAINED_ATTACKS,
  async run(context, flags) {
    if (flags.resume !== undefined) checkResumeFlags(context.parser);
    const resumed = flags.resume === undefined
      ? undefined
      : await continueRun(flags.resume, "attack", context.output);
    if (!resumed) await downloadIfAsked(flags, context.output);
    if (flags.gallery !== undefined) return await drawGallery(context, flags, flags.gallery);
    const settings = resumed ? resumedAttack(resumed) : await attackSettings(flags);
    await run(context, settings, flags, resumed);
  },
});

async function drawGallery(
  context: CommandContext,
  flags: Flags<"attack">,
  path: string,
): Promise<void> {
  if (flags.newAttack === "none" || flags.exportPoisoned !== undefined) {
    throw new UsageError("cannot draw a gallery with --attack none or --export-poisoned");
  }
  const data = await dataSettings(flags);
  const { dataset } = await loadTrainingData({ ...data, subset: subsetOf(flags) }, context.output);
  using gpu = await openGpuFor(context.output);
  await writeGallery(path, gpu, dataset, descriptionOf(flags) ?? undefined, {
    ...context,
    architecture: namedArchitecture(flags.newArch, dataset.classNames.length),
    training: implantTraining(flags, data),
  });
}

async function run(
  { output, signal }: CommandContext,
  settings: AttackSettings,
  flags: Flags<"attack">,
  resumed: RunFolder | undefined,
): Promise<void> {
  const { training } = settings;
  const earlier = resumed && await readPrepared(resumed);
  const asked = earlier?.description ?? settings.attack;
  const { dataset, records } = await loadTrainingData(settings, output);
  const plan = asked && settings.poisonRate !== null
    ? await planAttack(asked, dataset, settings.poisonRate)
    : undefined;
  const architecture = namedArchitecture(settings.arch, dataset.classNames.length);
  // Too few images are refused before a folder is made.
  stepsPerEpoch(imageCount(dataset.train), training.batchSize);
  if (flags.exportPoisoned !== undefined) await makePoisonedFolder(flags.exportPoisoned);
  using gpu = await openGpuFor(output);
  const { height, width } = dataset.train;
  const kernels = await chooseKernels(gpu, output, {
    architectures: [architecture],
    images: { batch: training.batchSize, height, width },
    timing: settings.tune,
    kept: resumed && settings.kernels,
  });
  const adapter = gpu.adapter.name;
  const images = await imagesOf(dataset);
  if (resumed) expectSameRun(resumed, { images, adapter }, output);
  const folder = resumed ?? await beginRun(flags.out, {
    command: "attack",
    adapter,
    settings: { ...settings, attack: plan?.description ?? null, kernels },
    images,
  });
  const poisoned = plan?.poisoning.poisoned.length ?? 0;
  output.line(
    `training ${settings.arch} on ${imageCount(dataset.train)} images of ${shown(dataset.name)}, ` +
      `${poisoned} of them poisoned; run folder ${shown(folder.path)}`,
  );
  const name = plan?.description.name ?? "clean";
  await inRunFolder(folder, async () => {
    const prepared = plan &&
      await prepareAttack(gpu, plan, dataset, { architecture, training, output, signal, folder });
    const attack = prepared && {
      backdoor: prepared.backdoor,
      poisoning: plan.poisoning,
      triggers: prepared.triggers,
      prepared: prepared.images,
    };
    if (attack && flags.exportPoisoned !== undefined) {
      const set = poisonedSet(dataset.train, attack.poisoning, attack.triggers, attack.prepared);
      const originalLabels = dataset.train.labels;
      await writePoisonedFolder(flags.exportPoisoned, { set, originalLabels, records });
      output.line(`wrote ${poisoned} poisoned images to ${shown(flags.exportPoisoned)}`);
    }
    const snapshot = await resumed?.readSnapshot();
    if (snapshot) {
      const { epochs } = training;
      checkSnapshot(snapshot, { architecture, epochs, source: `the checkpoint of ${folder.path}` });
    }
    output.progress(COMPILING);
    const { state, evaluation } = await implant(gpu, {
      architecture,
      train: dataset.train,
      test: dataset.test,
      preprocessing: settings.preprocessing,
      training,
      attack,
    }, {
      signal,
      resume: snapshot,
      onProgress: (progress) => output.progress(progressText(name, progress, training.batchSize)),
      async onEpoch(metrics, snapshot) {
        const lines = metricsLines("attack", metrics, settings.logEvery ?? undefined);
        await folder.saveEpoch(lines, { phase: "attack", ...snapshot });
        output.line(
          `epoch ${metrics.epoch + 1}/${training.epochs}: loss ${metrics.loss.toFixed(4)}, ` +
            `${metrics.imagesPerSecond.toFixed(0)} images/s`,
        );
      },
      onEvaluationProgress: (images, total) =>
        output.progress(evaluationProgressText(name, images, total)),
    });
    const file = `${folder.path}/model.safetensors`;
    const metadata = new Map([["format", "pt"], ["lethe.version", VERSION]]);
    const described = { ...settings, data: undefined, attack: undefined };
    metadata.set("lethe.settings", JSON.stringify(described));
    if (prepared) metadata.set(BACKDOOR_KEY, JSON.stringify(prepared.description));
    await folder.saveModel("model", state, metadata);
    const model = evaluationDocument(evaluation, {
      model: file,
      dataset: dataset.name,
      adapter: gpu.adapter.name,
      backdoor: prepared?.description ?? null,
    });
    await folder.update({ finished: true, results: { model, poisoned } });
    output.result(resultsTable([[name, model]]));
    for (const warning of measurementWarnings(model, dataset.classNames)) output.warning(warning);
    output.line(`model: ${shown(file)}`);
    output.line(`now: ${typedCommand("report", folder.path)}`);
    output.document({ model, poisoned, settings, out: folder.path });
  });
}
