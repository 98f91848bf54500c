/** A run of `attack`, from settings to a network, its measurement and a run folder. */

import { BACKDOOR_KEY } from "../attacks/backdoor.ts";
import { implant } from "../attacks/implant.ts";
import { poisonedSet } from "../attacks/poisoned_set.ts";
import { imageCount } from "../data/image_set.ts";
import { UsageError } from "../errors.ts";
import { namedArchitecture } from "../nn/architectures.ts";
import { makePoisonedFolder, writePoisonedFolder } from "../report/poisoned_folder.ts";
import type { EvaluationDocument } from "../runs/evaluation.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import { checkSnapshot } from "../runs/snapshot_file.ts";
import type { Flags } from "../settings/table.ts";
import { shown } from "../text/quoted.ts";
import { stepsPerEpoch } from "../train/trainer.ts";
import { VERSION } from "../version.ts";
import {
  type AttackSettings,
  descriptionOf,
  implantTraining,
  loadTrainingData,
  subsetOf,
} from "./attack_settings.ts";
import { writeGallery } from "./gallery.ts";
import { dataSettings, openGpuFor } from "./load.ts";
import { planAttack, prepareAttack, readPrepared } from "./poisoning.ts";
import { COMPILING, evaluationDocument, evaluationProgressText, progressText } from "./results.ts";
import { beginRun, expectSameRun, imagesOf, inRunFolder } from "./runs.ts";
import { metricsLines } from "./training.ts";
import { chooseKernels } from "./tuning.ts";
import type { JobContext } from "./watcher.ts";

/** Draws what attacks do to images; returns what is in the picture, in words. */
export async function galleryJob(
  context: JobContext,
  flags: Flags<"attack">,
  path: string,
): Promise<string> {
  if (flags.newAttack === "none" || flags.exportPoisoned !== undefined) {
    throw new UsageError("cannot draw a gallery with --attack none or --export-poisoned");
  }
  const data = await dataSettings(flags);
  const { dataset } = await loadTrainingData({ ...data, subset: subsetOf(flags) }, context.output);
  using gpu = await openGpuFor(context.output);
  return await writeGallery(path, gpu, dataset, descriptionOf(flags) ?? undefined, {
    ...context,
    architecture: namedArchitecture(flags.newArch, dataset.classNames.length),
    training: implantTraining(flags, data),
  });
}

/** What a run of `attack` came to. */
export interface AttackResult {
  /** With the kernels that were chosen. */
  readonly settings: AttackSettings;
  /** The attack's name, or `clean`. */
  readonly name: string;
  /** The measurement of the network. */
  readonly model: EvaluationDocument;
  /** Number of poisoned images. */
  readonly poisoned: number;
  /** In label order. */
  readonly classNames: readonly string[];
  /** Path of the run folder. */
  readonly out: string;
}

/** Trains a network as the settings say, from where `resumed` stands if it is given. */
export async function attackJob(
  { output, signal }: JobContext,
  settings: AttackSettings,
  flags: Pick<Flags<"attack">, "out" | "exportPoisoned">,
  resumed: RunFolder | undefined,
): Promise<AttackResult> {
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
  return await inRunFolder(folder, async () => {
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
    return { settings, name, model, poisoned, classNames: dataset.classNames, out: folder.path };
  });
}
