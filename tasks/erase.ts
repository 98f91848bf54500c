/** `deno task erase`: the main job, from a backdoored model to a cleaned one. */

import { BACKDOOR_KEY } from "../src/attacks/backdoor.ts";
import { erase, type EraseStage } from "../src/defenses/erase.ts";
import { createRunFolder, openRunFolder, type RunFolder } from "../src/train/run_folder.ts";
import { Interrupted } from "../src/train/run_steps.ts";
import { stepsPerEpoch } from "../src/train/trainer.ts";
import { VERSION } from "../src/version.ts";
import {
  type EraseFlags,
  type EraseSettings,
  eraseSettings,
  fitBatches,
} from "./command_line/erase_settings.ts";
import {
  addAttackFlags,
  addDataFlags,
  addDistillationFlags,
  addModelFlags,
  addRunFlags,
  addSubsetFlags,
  addTrainingFlags,
} from "./command_line/flags.ts";
import {
  downloadIfAsked,
  expectClasses,
  loadBackdoor,
  loadData,
  loadNetwork,
  openGpuFor,
} from "./command_line/load.ts";
import {
  type EvaluationDocument,
  evaluationDocument,
  evaluationProgressText,
  progressText,
  resultsTable,
} from "./command_line/results.ts";
import { type CommandContext, newCommand, runCommand } from "./command_line/run_command.ts";
import { checkResumeFlags, expectDigest, newRunPath } from "./command_line/runs.ts";
import { metricsLines } from "./command_line/training.ts";
import { chooseKernels } from "./command_line/tuning.ts";

const STAGES = ["before", "teacher", "after"] as const satisfies readonly EraseStage[];
const ROW_NAMES = { before: "backdoored", teacher: "finetuned teacher", after: "erased" };

const command = newCommand(
  "erase",
  "Erases a backdoor by Neural Attention Distillation: finetunes a teacher on clean images, then\n" +
    "distils its attention into the model. Without flags: the embedded model on the embedded signs.",
  [
    "",
    "--model suspicious.pth --dataset ./pictures",
    "--model student.pth --dataset cifar10 --data ./data --attack badnets --target 5",
    "--resume runs/erase-1",
  ],
);
addModelFlags(command);
addDataFlags(command);
addSubsetFlags(command);
addDistillationFlags(command);
addTrainingFlags(command);
addAttackFlags(command, "recorded: what the model's own metadata says; measured, never used");
addRunFlags(command);

await runCommand(command, async (context) => {
  const flags = command.opts<EraseFlags>();
  if (flags.resume !== undefined) checkResumeFlags(command);
  const resumed = flags.resume === undefined
    ? undefined
    : await openRunFolder(flags.resume, "erase");
  if (!resumed) await downloadIfAsked(flags, context.output);
  const settings = resumed
    ? resumed.record.settings as unknown as EraseSettings
    : await eraseSettings(flags);
  await run(context, settings, flags.out, resumed);
});

/** Runs the job of `settings`, from where `resumed` stands if it is given. */
async function run(
  { output, signal }: CommandContext,
  settings: EraseSettings,
  out: string | undefined,
  resumed: RunFolder | undefined,
): Promise<void> {
  if (resumed) {
    await expectDigest(settings.model, settings.modelDigest);
    if (settings.teacher) await expectDigest(settings.teacher, settings.teacherDigest!);
  }
  const student = await loadNetwork(settings.model, settings.arch ?? undefined);
  const given = settings.teacher ? await loadNetwork(settings.teacher, undefined) : undefined;
  const dataset = await loadData(settings, settings.subset);
  expectClasses(student, dataset);
  const backdoor = await loadBackdoor(settings.attack, dataset);
  const { betas } = settings;
  const { teacherTraining, studentTraining } = fitBatches(settings, dataset);
  // Too few images are refused before a folder is made or anything is measured.
  stepsPerEpoch(dataset.train.labels.length, studentTraining.batchSize);

  const gpu = await openGpuFor(output);
  const { height, width } = dataset.train;
  const kernels = await chooseKernels(gpu, output, {
    architectures: [student.architecture, ...given ? [given.architecture] : []],
    images: { batch: studentTraining.batchSize, height, width },
    timing: settings.tune,
    kept: resumed && settings.kernels,
  });
  const folder = resumed ?? await createRunFolder(out ?? await newRunPath("erase"), {
    command: "erase",
    adapter: gpu.adapter.name,
    settings: { ...settings, teacherTraining, studentTraining, kernels },
  });
  output.line(
    `erasing ${settings.model} with ${dataset.train.labels.length} clean images of ` +
      `${dataset.name}; run folder ${folder.path}`,
  );
  const names = { teacher: "teacher", student: "student" };
  const document = await interruptible(folder, async () => {
    const results = () => folder.record.results as Partial<Record<EraseStage, EvaluationDocument>>;
    const done = new Set(STAGES.filter((stage) => results()[stage]));
    await erase(gpu, {
      student,
      teacher: given,
      clean: dataset.train,
      test: dataset.test,
      preprocessing: settings.preprocessing,
      teacherTraining,
      studentTraining,
      betas,
      operator: { reduction: settings.attention, power: settings.power },
      backdoor,
    }, {
      signal,
      resume: resumed && {
        done,
        teacher: await resumed.readModel("teacher"),
        snapshot: await resumed.readSnapshot(),
      },
      onEvaluationProgress: (stage, images, total) =>
        output.progress(evaluationProgressText(ROW_NAMES[stage], images, total)),
      async onEvaluated(stage, evaluation) {
        const document = evaluationDocument(evaluation, {
          model: modelName(stage, settings, folder),
          dataset: dataset.name,
          adapter: gpu.adapter.name,
          backdoor: settings.attack,
        });
        await folder.update({ results: { [stage]: document } });
        output.line(resultsTable([[ROW_NAMES[stage], document]]));
      },
      onProgress: (phase, progress) =>
        output.progress(progressText(names[phase], progress, studentTraining.batchSize)),
      async onEpoch(phase, metrics, snapshot) {
        const weights = phase === "teacher" ? [1] : [1, ...betas];
        const lines = metricsLines(phase, metrics, weights, settings.logEvery ?? undefined);
        await folder.saveEpoch(lines, snapshot);
        await folder.update({});
        const { epochs } = phase === "teacher" ? teacherTraining : studentTraining;
        output.line(
          `${phase} epoch ${metrics.epoch + 1}/${epochs}: loss ${metrics.loss.toFixed(4)}, ` +
            `${metrics.imagesPerSecond.toFixed(0)} images/s`,
        );
      },
      async onTrained(phase, state) {
        await folder.saveModel(phase, state, modelMetadata(settings));
      },
    });
    await folder.update({ finished: true });
    const { before, teacher, after } = results();
    return { before, teacher, after, settings: folder.record.settings, out: folder.path };
  });
  gpu.close();
  const rows = STAGES.flatMap((stage) => {
    const row = document[stage];
    return row ? [[ROW_NAMES[stage], row] as const] : [];
  });
  output.result(resultsTable(rows));
  output.line(`cleaned model: ${folder.path}/student.safetensors`);
  output.document(document);
}

/** Adds to an interruption how the run can be taken up again. */
async function interruptible<T>(folder: RunFolder, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      `stopped; go on with: deno task erase --resume ${folder.path}`,
      { cause: error },
    );
  }
}

/** Which file an evaluation is about. */
function modelName(stage: EraseStage, settings: EraseSettings, folder: RunFolder): string {
  if (stage === "before") return settings.model;
  if (stage === "teacher") return settings.teacher ?? `${folder.path}/teacher.safetensors`;
  return `${folder.path}/student.safetensors`;
}

/** What the models of a run say of themselves; nothing in it depends on where the run lies. */
function modelMetadata(settings: EraseSettings): Map<string, string> {
  const metadata = new Map([["format", "pt"], ["lethe.version", VERSION]]);
  if (settings.attack) metadata.set(BACKDOOR_KEY, JSON.stringify(settings.attack));
  return metadata;
}
