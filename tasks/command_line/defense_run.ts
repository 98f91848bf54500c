/** A run of a defence, from settings to models, measurements and a run folder. */

import type { Command } from "npm:commander@15.1.0";
import { BACKDOOR_KEY } from "../../src/attacks/backdoor.ts";
import { imageCount } from "../../src/data/image_set.ts";
import { defend } from "../../src/defenses/defend.ts";
import { findDefense } from "../../src/defenses/defenses.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { writeFileAtomic } from "../../src/formats/write_file.ts";
import { UsageError } from "../../src/errors.ts";
import type { NamedState } from "../../src/nn/state.ts";
import { defenseVerdict } from "../../src/report/defense_verdict.ts";
import { createRunFolder, openRunFolder, type RunFolder } from "../../src/train/run_folder.ts";
import { Interrupted } from "../../src/train/run_steps.ts";
import { stepsPerEpoch } from "../../src/train/trainer.ts";
import { VERSION } from "../../src/version.ts";
import { addDefenseFlags } from "./defense_flags.ts";
import { type AuditedStage, auditObstacle, auditsOf, auditStage } from "./defense_audit.ts";
import {
  accuracyText,
  evaluationsOf,
  heldOutText,
  modelName,
  ROW_NAMES,
  verdictText,
} from "./defense_results.ts";
import {
  type DefenseCommandFlags,
  type DefenseRunSettings,
  defenseSettings,
  settingsFor,
  splitClean,
} from "./defense_settings.ts";
import {
  addAttackFlags,
  addDataFlags,
  addFormatFlag,
  addModelFlags,
  addRunFlags,
  addSubsetFlags,
  addTrainingFlags,
  RECORDED_ATTACK,
} from "./flags.ts";
import {
  downloadIfAsked,
  expectClasses,
  loadBackdoor,
  loadData,
  loadNetwork,
  openGpuFor,
  preprocessingText,
} from "./load.ts";
import {
  chanceWarning,
  evaluationDocument,
  evaluationProgressText,
  progressText,
  resultsTable,
} from "./results.ts";
import type { CommandContext } from "./run_command.ts";
import { checkResumeFlags, expectDigest, newRunPath } from "./runs.ts";
import { metricsLines } from "./training.ts";
import { chooseKernels } from "./tuning.ts";

/** Models that lie at the top of a run folder; those of other phases are what a resume needs. */
const TOP_MODELS: readonly string[] = ["teacher", "student"];

/** The flags of a command that runs a defence. */
export function addDefenseRunFlags(command: Command): void {
  addModelFlags(command);
  addDataFlags(command);
  addSubsetFlags(command);
  addDefenseFlags(command);
  addFormatFlag(command);
  addTrainingFlags(command);
  addAttackFlags(command, `${RECORDED_ATTACK}; measured, never used`);
  addRunFlags(command);
}

/** Runs the defence `name` as the flags of `command` say, or goes on with a run of `command`. */
export async function runDefense(
  context: CommandContext,
  commandName: "erase" | "defend",
  name: string,
): Promise<void> {
  const { command, output } = context;
  const flags = command.opts<DefenseCommandFlags>();
  if (flags.resume !== undefined) checkResumeFlags(command);
  const resumed = flags.resume === undefined
    ? undefined
    : await openRunFolder(flags.resume, commandName);
  if (!resumed) await downloadIfAsked(flags, output);
  const settings = resumed
    ? resumed.record.settings as unknown as DefenseRunSettings
    : await defenseSettings(commandName, name, flags);
  await run(context, commandName, settings, flags.out, resumed);
}

/** Runs the job of `settings`, from where `resumed` stands if it is given. */
async function run(
  { output, signal }: CommandContext,
  commandName: "erase" | "defend",
  settings: DefenseRunSettings,
  out: string | undefined,
  resumed: RunFolder | undefined,
): Promise<void> {
  if (resumed) {
    await expectDigest(settings.model, settings.modelDigest);
    if (settings.teacher) await expectDigest(settings.teacher, settings.teacherDigest!);
  }
  const defense = findDefense(settings.defense);
  const student = await loadNetwork(settings.model, settings.arch ?? undefined);
  const teacher = settings.teacher ? await loadNetwork(settings.teacher, undefined) : undefined;
  const dataset = await loadData(settings, settings.subset);
  expectClasses(student, dataset);
  const backdoor = await loadBackdoor(settings.attack, dataset);
  const clean = splitClean(settings, dataset.train);
  const fitted = settingsFor(settings, clean.train);
  const { training, teacherTraining } = fitted;
  // Too few images are refused before a folder is made or anything is measured.
  stepsPerEpoch(imageCount(clean.train), training.batchSize);

  const obstacle = settings.audit === "never" ? undefined : auditObstacle(settings, dataset);
  if (obstacle !== undefined) {
    if (settings.audit === "always") throw new UsageError(obstacle);
    output.warning(`warning: no audit: ${obstacle}`);
  }

  const gpu = await openGpuFor(output);
  const { height, width } = dataset.train;
  const kernels = await chooseKernels(gpu, output, {
    architectures: [student.architecture, ...teacher ? [teacher.architecture] : []],
    images: { batch: training.batchSize, height, width },
    timing: settings.tune,
    kept: resumed && settings.kernels,
  });
  const folder = resumed ?? await createRunFolder(out ?? await newRunPath(commandName), {
    command: commandName,
    adapter: gpu.adapter.name,
    settings: { ...settings, teacherTraining, studentTraining: training, kernels },
  });
  output.line(
    `cleaning ${settings.model} by ${defense.name} with ${
      imageCount(dataset.train)
    } clean images ` +
      `of ${dataset.name}${heldOutText(clean.heldOut?.labels.length)}; run folder ${folder.path}`,
  );
  output.line(
    `${student.architecture.name} with ${student.architecture.classes} classes; ` +
      preprocessingText(settings.preprocessing),
  );
  const audited = settings.audit !== "never" && obstacle === undefined;
  const audit = async (stage: AuditedStage, network: NamedState | undefined) => {
    if (!audited || !network) return;
    await auditStage(stage, network, { gpu, settings, dataset, folder, output, signal });
  };
  const verdict = () => {
    const { before, teacher, after } = Object.fromEntries(evaluationsOf(folder));
    const { before: auditBefore, after: auditAfter } = auditsOf(folder);
    const { classNames } = dataset;
    const finetuned = settings.teacher === null ? teacher : undefined;
    return defenseVerdict({
      before,
      teacher: finetuned,
      after,
      auditBefore,
      auditAfter,
      classNames,
    });
  };
  const document = await interruptible(commandName, folder, async () => {
    await audit("before", student);
    const stages = () => evaluationsOf(folder);
    const phaseEpochs = (phase: string) =>
      (phase === "teacher" || phase === "end" ? teacherTraining : training).epochs;
    const cleaned = await defend(gpu, {
      defense,
      student,
      teacher,
      clean: clean.train,
      heldOut: clean.heldOut,
      settings: fitted,
      measurement: { test: dataset.test, preprocessing: settings.preprocessing, backdoor },
    }, {
      signal,
      resume: resumed && {
        done: new Set(stages().map(([stage]) => stage)),
        snapshot: await resumed.readSnapshot(),
        trained: async (phase) => await resumed.readModel(modelFile(phase)),
      },
      onEvaluationProgress: (stage, images, total) =>
        output.progress(evaluationProgressText(ROW_NAMES[stage] ?? stage, images, total)),
      async onEvaluated(stage, evaluation) {
        const document = evaluationDocument(evaluation, {
          model: modelName(stage, settings, folder),
          dataset: dataset.name,
          adapter: gpu.adapter.name,
          backdoor: settings.attack,
        });
        await folder.update({ results: { [stage]: document } });
        output.line(resultsTable([[ROW_NAMES[stage] ?? stage, document]]));
        const warning = stage === "before" && chanceWarning(document, dataset.classNames.length);
        if (warning) output.warning(warning);
      },
      onProgress: (phase, progress) =>
        output.progress(progressText(phase, progress, training.batchSize)),
      async onEpoch(phase, metrics, snapshot) {
        const lines = metricsLines(phase, metrics, settings.logEvery ?? undefined);
        await folder.saveEpoch(lines, snapshot);
        await folder.update({});
        output.line(
          `${phase} epoch ${metrics.epoch + 1}/${phaseEpochs(phase)}: ` +
            `loss ${metrics.loss.toFixed(4)}${accuracyText(metrics.heldOutAccuracy)}, ` +
            `${metrics.imagesPerSecond.toFixed(0)} images/s`,
        );
      },
      onTrained: async (phase, state) =>
        await folder.saveModel(modelFile(phase), state, modelMetadata(settings)),
      async onNote(name, value) {
        const notes = { ...folder.record.results.notes as object, [name]: value };
        await folder.update({ results: { notes } });
      },
    });
    await folder.saveModel("student", cleaned, modelMetadata(settings));
    if (settings.format === "pytorch") {
      await writeFileAtomic(`${folder.path}/student.pth`, writeTorch(cleaned));
    }
    const { architecture } = student;
    const made = teacher ? undefined : await folder.readModel("teacher");
    await audit("teacher", made ? { architecture, state: made, source: "the teacher" } : teacher);
    await audit("after", { architecture, state: cleaned, source: `${folder.path}/student` });
    await folder.update({ finished: true });
    const { results } = folder.record;
    // A model that is its own teacher has been measured as what it was before.
    const teachers = defense.name === "nad" && !results.teacher ? { teacher: results.before } : {};
    const { settings: recorded } = folder.record;
    return { ...teachers, ...results, verdict: verdict(), settings: recorded, out: folder.path };
  });
  gpu.close();
  const rows = evaluationsOf(folder);
  output.result(resultsTable(rows.map(([stage, row]) => [ROW_NAMES[stage] ?? stage, row])));
  const files = settings.format === "pytorch" ? ["student.safetensors", "student.pth"] : [
    "student.safetensors",
  ];
  output.result(verdictText(verdict()));
  output.line(`cleaned model: ${files.map((file) => `${folder.path}/${file}`).join(" and ")}`);
  output.document(document);
}

/** Adds to an interruption how the run can be taken up again. */
async function interruptible<T>(
  commandName: string,
  folder: RunFolder,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      `stopped; go on with: deno task ${commandName} --resume ${folder.path}`,
      { cause: error },
    );
  }
}

/** Where the model of a phase lies, without its ending. */
function modelFile(phase: string): string {
  return TOP_MODELS.includes(phase) ? phase : `checkpoint/${phase}`;
}

/** What the models of a run say of themselves; nothing in it depends on where the run lies. */
function modelMetadata(settings: DefenseRunSettings): Map<string, string> {
  const metadata = new Map([["format", "pt"], ["lethe.version", VERSION]]);
  if (settings.attack) metadata.set(BACKDOOR_KEY, JSON.stringify(settings.attack));
  return metadata;
}
