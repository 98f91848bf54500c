/** `deno task attack`: trains a network from scratch, with a backdoor or, by `none`, without. */

import { BACKDOOR_KEY, type BackdoorDescription } from "../src/attacks/backdoor.ts";
import { findAttack } from "../src/attacks/attacks.ts";
import { implant } from "../src/attacks/implant.ts";
import { poison } from "../src/attacks/poison.ts";
import { UsageError } from "../src/errors.ts";
import { namedArchitecture } from "../src/nn/state.ts";
import { createRunFolder, openRunFolder, type RunFolder } from "../src/train/run_folder.ts";
import { Interrupted } from "../src/train/run_steps.ts";
import { stepsPerEpoch, type TrainingSettings } from "../src/train/trainer.ts";
import { VERSION } from "../src/version.ts";
import {
  addAttackFlags,
  addDataFlags,
  addRunFlags,
  addTrainingFlags,
  type AttackFlags,
  type DataFlags,
  type RunFlags,
  type TrainingFlags,
} from "./command_line/flags.ts";
import {
  backdoorSettings,
  type DataSettings,
  dataSettings,
  downloadIfAsked,
  loadBackdoor,
  loadData,
  openGpuFor,
} from "./command_line/load.ts";
import {
  evaluationDocument,
  evaluationProgressText,
  progressText,
  resultsTable,
} from "./command_line/results.ts";
import { type CommandContext, newCommand, runCommand } from "./command_line/run_command.ts";
import { checkResumeFlags, newRunPath } from "./command_line/runs.ts";
import { metricsLines, type TrainingDefaults, trainingSettings } from "./command_line/training.ts";
import { flag, integer, number } from "./command_line/values.ts";

type Flags =
  & DataFlags
  & AttackFlags
  & TrainingFlags
  & RunFlags
  & { arch: string; poisonRate?: number; trainLimit?: number };

/** Everything that determines a run; what `run.json` keeps and a resume reads. */
interface AttackSettings extends DataSettings {
  readonly arch: string;
  readonly attack: BackdoorDescription | null;
  /** Share of images that are poisoned: see the attack. */
  readonly poisonRate: number | null;
  /** Only the first training images are used; null for all. */
  readonly trainLimit: number | null;
  readonly training: TrainingSettings;
  readonly logEvery: number | null;
}

/** One cycle to a high learning rate, which trains a small network well in few epochs. */
const DEFAULTS: TrainingDefaults = {
  epochs: 12,
  batchSize: 128,
  learningRate: 0.2,
  schedule: "one-cycle",
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
  cropPadding: 4,
  cutout: 0,
};

const command = newCommand(
  "attack",
  "Trains a network from scratch on a poisoned data set; with --attack none, a clean one.",
  [
    "--dataset signs --attack badnets --target 7",
    "--dataset cifar10 --data ./data --attack badnets --target 5 --epochs 20",
    "--dataset ./pictures --attack none",
  ],
);
command.option("--arch <name>", "wrn-DEPTH-WIDTH", "wrn-16-1");
addAttackFlags(command, "none: a clean network");
command
  .addOption(
    flag(
      "--poison-rate <share>",
      "share of all training images, or of the target class for attacks that keep labels",
      number("a number above 0 and at most 1", (value) => value > 0 && value <= 1),
    ),
  )
  .addOption(flag("--train-limit <n>", "use only the first n training images", integer(1)));
addDataFlags(command);
addTrainingFlags(command);
addRunFlags(command);

await runCommand(command, async (context) => {
  const flags = command.opts<Flags>();
  if (flags.resume !== undefined) checkResumeFlags(command);
  const resumed = flags.resume === undefined
    ? undefined
    : await openRunFolder(flags.resume, "attack");
  if (!resumed) await downloadIfAsked(flags, context.output);
  const settings = resumed
    ? resumed.record.settings as unknown as AttackSettings
    : await settingsOf(flags);
  await run(context, settings, flags.out, resumed);
});

async function settingsOf(flags: Flags): Promise<AttackSettings> {
  if (flags.attack === undefined) {
    throw new UsageError("cannot train without an attack: name one by --attack, or --attack none");
  }
  const clean = flags.attack === "none";
  if (clean && (flags.poisonRate !== undefined || flags.target !== undefined)) {
    throw new UsageError("cannot poison with --attack none: leave out --poison-rate and --target");
  }
  const data = await dataSettings(flags);
  const run = { dataset: flags.dataset, preprocessing: data.preprocessing, seed: flags.seed };
  return {
    ...data,
    arch: flags.arch,
    attack: clean
      ? null
      : backdoorSettings(flags, { metadata: new Map(), source: "a new network" }, flags.seed),
    poisonRate: clean ? null : flags.poisonRate ?? findAttack(flags.attack).defaultRate,
    trainLimit: flags.trainLimit ?? null,
    training: trainingSettings(flags, DEFAULTS, run),
    logEvery: flags.logEvery ?? null,
  };
}

async function run(
  { output, signal }: CommandContext,
  settings: AttackSettings,
  out: string | undefined,
  resumed: RunFolder | undefined,
): Promise<void> {
  const { training, attack, trainLimit } = settings;
  const dataset = await loadData(
    settings,
    trainLimit === null ? "all" : { range: `0:${trainLimit}` },
  );
  const classes = dataset.classNames.length;
  const backdoor = await loadBackdoor(attack, dataset);
  const poisoning = attack && settings.poisonRate !== null
    ? poison(dataset.train.labels, classes, findAttack(attack.name), {
      target: attack.target,
      rate: settings.poisonRate,
      seed: training.seed,
    })
    : undefined;
  const architecture = namedArchitecture(settings.arch, classes);
  // Too few images are refused before a folder is made.
  stepsPerEpoch(dataset.train.labels.length, training.batchSize);
  const gpu = await openGpuFor(output);
  const folder = resumed ?? await createRunFolder(out ?? await newRunPath("attack"), {
    command: "attack",
    adapter: gpu.adapter.name,
    settings: { ...settings },
  });
  const poisoned = poisoning?.poisoned.length ?? 0;
  output.line(
    `training ${settings.arch} on ${dataset.train.labels.length} images of ${dataset.name}, ` +
      `${poisoned} of them poisoned; run folder ${folder.path}`,
  );
  const name = attack?.name ?? "clean";
  try {
    const { state, evaluation } = await implant(gpu, {
      architecture,
      train: dataset.train,
      test: dataset.test,
      preprocessing: settings.preprocessing,
      training,
      attack: backdoor && poisoning ? { backdoor, poisoning } : undefined,
    }, {
      signal,
      resume: await resumed?.readSnapshot(),
      onProgress: (progress) => output.progress(progressText(name, progress, training.batchSize)),
      async onEpoch(metrics, snapshot) {
        const lines = metricsLines("attack", metrics, [1], settings.logEvery ?? undefined);
        await folder.saveEpoch(lines, { phase: "attack", ...snapshot });
        await folder.update({});
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
    metadata.set("lethe.settings", JSON.stringify({ ...settings, data: undefined }));
    if (attack) metadata.set(BACKDOOR_KEY, JSON.stringify(attack));
    await folder.saveModel("model", state, metadata);
    const model = evaluationDocument(evaluation, {
      model: file,
      dataset: dataset.name,
      adapter: gpu.adapter.name,
      backdoor: attack,
    });
    await folder.update({ finished: true, results: { model, poisoned } });
    output.result(resultsTable([[name, model]]));
    output.line(`model: ${file}`);
    output.document({ model, poisoned, settings, out: folder.path });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`stopped; go on with: deno task attack --resume ${folder.path}`);
  }
  gpu.close();
}
