/** A run of a defence, from settings to models, measurements and a run folder. */

import { type Dataset, imageCount } from "../../src/data/image_set.ts";
import { defend } from "../../src/defenses/defend.ts";
import type { DefenseSettings } from "../../src/defenses/defense.ts";
import { findDefense } from "../../src/defenses/defenses.ts";
import { RECIPES } from "../../src/defenses/recipes.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { UsageError } from "../../src/errors.ts";
import type { NamedState } from "../../src/nn/state.ts";
import { defenseVerdict } from "../../src/report/defense_verdict.ts";
import type { Backdoor } from "../../src/data/backdoor.ts";
import type { RunFolder } from "../../src/runs/run_folder.ts";
import { stepsPerEpoch } from "../../src/train/trainer.ts";
import { shown } from "../../src/text/quoted.ts";
import { type AuditedStage, auditsOf } from "../../src/runs/audit.ts";
import { evaluationsOf } from "../../src/runs/evaluation.ts";
import { auditObstacle, auditStage } from "./defense_audit.ts";
import { modelMetadata, recordingHooks, resumption } from "./defense_hooks.ts";
import { heldOutText, rowName } from "./defense_results.ts";
import {
  type DefenseCommandFlags,
  type DefenseRequest,
  type DefenseRunSettings,
  defenseSettings,
  resumedDefense,
  settingsFor,
  splitClean,
} from "./defense_settings.ts";
import {
  downloadIfAsked,
  expectClasses,
  loadBackdoor,
  loadData,
  type LoadedModel,
  loadNetwork,
  openGpuFor,
  preprocessingText,
  warnOfUnread,
} from "./load.ts";
import type { Output } from "./output.ts";
import { COMPILING, resultsTable, verdictText } from "./results.ts";
import { MEASURED_ATTACKS } from "./attack_notes.ts";
import type { CommandContext, Note } from "./command.ts";
import { findEarlierWork, takeOver } from "./earlier_runs.ts";
import {
  beginRun,
  checkResumeFlags,
  continueRun,
  expectDigest,
  expectSameRun,
  imagesOf,
  inRunFolder,
} from "./runs.ts";
import { typedCommand } from "./typed_command.ts";
import { chooseKernels } from "./tuning.ts";

/** Lists that the help of a command with a defence ends with. */
export const DEFENSE_NOTES: readonly Note[] = [
  {
    heading: "Recipes",
    entries: Object.entries(RECIPES).map(([name, { description }]) => [name, description]),
    expert: true,
  },
  ...MEASURED_ATTACKS,
];

/** Runs the defence `name` as the flags say, or goes on with a run of the command. */
export async function runDefense(
  context: CommandContext,
  commandName: "erase" | "defend",
  name: string,
  flags: DefenseCommandFlags,
): Promise<void> {
  const { parser, output } = context;
  if (flags.resume !== undefined) checkResumeFlags(parser);
  const resumed = flags.resume === undefined
    ? undefined
    : await continueRun(flags.resume, commandName, output);
  if (!resumed) await downloadIfAsked(flags, output);
  const request = resumed
    ? resumedDefense(resumed)
    : await defenseSettings(commandName, name, flags);
  await run(context, commandName, request, { out: flags.out, before: flags.before, resumed });
}

/** What a run works with, read and checked. */
interface Inputs {
  /** With the content of all trigger files. */
  readonly settings: DefenseRunSettings;
  readonly student: LoadedModel;
  readonly teacher: LoadedModel | undefined;
  readonly dataset: Dataset;
  readonly backdoor: Backdoor | undefined;
  readonly clean: ReturnType<typeof splitClean>;
  /** With batches for as many images as there are. */
  readonly fitted: DefenseSettings;
}

/** Reads what `request` names; whatever can be refused is refused here. */
async function readInputs(request: DefenseRequest, output: Output): Promise<Inputs> {
  const student = await loadNetwork(request.model, request.arch ?? undefined);
  const teacher = request.teacher ? await loadNetwork(request.teacher, undefined) : undefined;
  warnOfUnread(student, output);
  if (teacher) warnOfUnread(teacher, output);
  const dataset = await loadData(request, request.subset, output);
  expectClasses(student, dataset);
  const loaded = await loadBackdoor(request.attack, dataset);
  const settings = { ...request, attack: loaded?.description ?? null };
  const clean = splitClean(settings, dataset.train);
  const fitted = settingsFor(settings, clean.train, student.architecture);
  if (findDefense(settings.defense).trains) {
    stepsPerEpoch(imageCount(clean.train), fitted.training.batchSize);
  }
  return { settings, student, teacher, dataset, backdoor: loaded?.backdoor, clean, fitted };
}

/** Runs the job of `request`, from where `resumed` stands if it is given. */
async function run(
  { output, signal }: CommandContext,
  commandName: "erase" | "defend",
  request: DefenseRequest,
  { out, before, resumed }: {
    out: string | undefined;
    before: readonly string[] | undefined;
    resumed: RunFolder | undefined;
  },
): Promise<void> {
  const defense = findDefense(request.defense);
  const inputs = await readInputs(request, output);
  const { settings, student, teacher, dataset, clean, fitted } = inputs;
  if (resumed) {
    expectDigest(student, settings.modelDigest);
    if (teacher) expectDigest(teacher, settings.teacherDigest);
  }
  const { training, teacherTraining } = fitted;
  const audited = canAudit(settings, dataset, output);

  using gpu = await openGpuFor(output);
  const { height, width } = dataset.train;
  const kernels = await chooseKernels(gpu, output, {
    architectures: [student.architecture, ...teacher ? [teacher.architecture] : []],
    images: { batch: training.batchSize, height, width },
    timing: settings.tune,
    kept: resumed && settings.kernels,
  });
  const adapter = gpu.adapter.name;
  const recorded = { ...settings, teacherTraining, studentTraining: training, kernels };
  const images = await imagesOf(dataset);
  if (resumed) expectSameRun(resumed, { images, adapter }, output);
  const run = { command: commandName, adapter, settings: recorded, images };
  const earlier = before && await findEarlierWork(before, run);
  const folder = resumed ?? await beginRun(out, run);
  output.line(
    `cleaning ${shown(settings.model)} by ${defense.name} with ${
      imageCount(dataset.train)
    } clean ` +
      `images of ${shown(dataset.name)}${heldOutText(clean.heldOut?.labels.length)}; run folder ` +
      shown(folder.path),
  );
  output.line(
    `${student.architecture.name} with ${student.architecture.classes} classes; ` +
      preprocessingText(settings.preprocessing),
  );
  const audit = async (stage: AuditedStage, network: NamedState | undefined) => {
    if (!audited || !network) return;
    await auditStage(stage, network, { gpu, settings, dataset, folder, output, signal });
  };
  await inRunFolder(folder, async () => {
    if (earlier) await takeOver(folder, earlier, settings);
    if (earlier?.finetuned) {
      output.line(
        `finetuned in the same way by ${shown(earlier.finetuned.run)}: that is taken over`,
      );
    }
    output.progress(COMPILING);
    await audit("before", student);
    const cleaned = await defend(gpu, {
      defense,
      student,
      teacher,
      clean: clean.train,
      heldOut: clean.heldOut,
      settings: fitted,
      measurement: {
        test: dataset.test,
        preprocessing: settings.preprocessing,
        backdoor: inputs.backdoor,
      },
    }, {
      signal,
      resume: resumed || earlier ? await resumption(folder, student, fitted, defense) : undefined,
      ...recordingHooks({ settings, fitted, dataset, folder, output, adapter }),
    });
    await folder.saveModel("student", cleaned, modelMetadata(settings));
    if (settings.format === "pytorch") {
      await folder.saveFile("student.pth", writeTorch(cleaned));
    }
    const { architecture } = student;
    const made = teacher ? undefined : await folder.readModel("teacher");
    await audit("teacher", made ? { architecture, state: made, source: "the teacher" } : teacher);
    await audit("after", { architecture, state: cleaned, source: `${folder.path}/student` });
    await folder.update({ finished: true });
  });
  printResults(settings, dataset, folder, output);
}

/** Whether a run audits; why not, where an audit was only wished for, is a warning. */
function canAudit(settings: DefenseRunSettings, dataset: Dataset, output: Output): boolean {
  if (settings.audit === "never") return false;
  const obstacle = auditObstacle(settings, dataset);
  if (obstacle === undefined) return true;
  if (settings.audit === "always") throw new UsageError(obstacle);
  output.warning(`warning: no audit: ${obstacle}`);
  return false;
}

/** The table, the verdict and the files for people; one document for programs. */
function printResults(
  settings: DefenseRunSettings,
  { classNames }: Dataset,
  folder: RunFolder,
  output: Output,
): void {
  const rows = evaluationsOf(folder.record);
  const { before, teacher, after } = Object.fromEntries(rows);
  const { before: auditBefore, after: auditAfter } = auditsOf(folder.record);
  const finetuned = settings.teacher === null ? teacher : undefined;
  const verdict = defenseVerdict({
    before,
    teacher: finetuned,
    after,
    auditBefore,
    auditAfter,
    classNames,
  });
  output.result(resultsTable(rows.map(([stage, row]) => [rowName(stage, folder), row])));
  output.result(verdictText(verdict));
  const files = [
    "student.safetensors",
    ...settings.format === "pytorch" ? ["student.pth"] : [],
  ];
  output.line(
    `cleaned model: ${files.map((file) => shown(`${folder.path}/${file}`)).join(" and ")}`,
  );
  output.line(`now: ${typedCommand("report", folder.path)}`);
  const { results, settings: recorded } = folder.record;
  // A model that is its own teacher has been measured as what it was before.
  const own = settings.defense === "nad" && !results.teacher ? { teacher: results.before } : {};
  output.document({ ...own, ...results, verdict, settings: recorded, out: folder.path });
}
