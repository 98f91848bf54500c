/** A run of a defence, from settings to models, measurements and a run folder. */

import { type Dataset, imageCount } from "../data/image_set.ts";
import { defend } from "../defenses/defend.ts";
import type { DefenseSettings } from "../defenses/defense.ts";
import { findDefense } from "../defenses/defenses.ts";
import { writeTorch } from "../formats/torch_write.ts";
import { UsageError } from "../errors.ts";
import { writeOnnxState } from "../nn/onnx_model.ts";
import type { NamedState } from "../nn/state.ts";
import { defenseVerdict } from "../report/defense_verdict.ts";
import type { Backdoor } from "../data/backdoor.ts";
import type { Verdict } from "../report/verdict.ts";
import type { RunFolder } from "../runs/run_folder.ts";
import type { RunRecord } from "../runs/run_record.ts";
import { stepsPerEpoch } from "../train/trainer.ts";
import { shown } from "../text/quoted.ts";
import { type AuditedStage, auditsOf } from "../runs/audit.ts";
import { evaluationsOf } from "../runs/evaluation.ts";
import { auditObstacle, auditStage } from "./defense_audit.ts";
import { modelMetadata, recordingHooks, resumption } from "./defense_hooks.ts";
import { heldOutText } from "./defense_results.ts";
import {
  type DefenseRequest,
  type DefenseRunSettings,
  settingsFor,
  splitClean,
} from "./defense_settings.ts";
import {
  expectClasses,
  loadBackdoor,
  loadData,
  type LoadedModel,
  loadNetwork,
  openGpuFor,
  preprocessingText,
  warnOfUnread,
} from "./load.ts";
import { decideVariant } from "./variant.ts";
import type { JobContext, Watcher } from "./watcher.ts";
import { COMPILING } from "./results.ts";
import { findEarlierWork, takeOver } from "./earlier_runs.ts";
import { beginRun, expectDigest, expectSameRun, imagesOf, inRunFolder } from "./runs.ts";
import { expectOwnNames, normsFor } from "./onnx_student.ts";
import { chooseKernels } from "./tuning.ts";

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
async function readInputs(request: DefenseRequest, output: Watcher): Promise<Inputs> {
  const student = await loadNetwork(
    request.model,
    request.arch ?? undefined,
    request.key ?? undefined,
  );
  const teacher = request.teacher ? await loadNetwork(request.teacher, undefined) : undefined;
  warnOfUnread(student, output);
  if (teacher) warnOfUnread(teacher, output);
  if (student.onnx) expectOwnNames(student.onnx.file);
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

/** Where a run is kept, and what it need not do. */
export interface DefenseRunOptions {
  /** Where the run folder is to be; without it a new one in `./runs`. */
  readonly out?: string | undefined;
  /** Folders of earlier runs, whose work is taken over where it is the same. */
  readonly before?: readonly string[] | undefined;
  /** The run to go on with. */
  readonly resumed?: RunFolder | undefined;
}

/** What a run of a defence came to. */
export interface DefenseResult {
  /** With the content of all trigger files. */
  readonly settings: DefenseRunSettings;
  /** What the run's `run.json` holds. */
  readonly record: RunRecord;
  /** Number of classes of the model. */
  readonly classes: number;
  /** What the numbers mean, in words. */
  readonly verdict: Verdict;
  /** Path of the run folder. */
  readonly out: string;
  /** Files of the cleaned model in it. */
  readonly files: readonly string[];
}

/** Runs the defence of `request`, from where `resumed` stands if it is given. */
export async function defenseJob(
  { output, signal }: JobContext,
  commandName: "erase" | "defend",
  request: DefenseRequest,
  { out, before, resumed }: DefenseRunOptions,
): Promise<DefenseResult> {
  const defense = findDefense(request.defense);
  const inputs = await readInputs(request, output);
  const { settings, teacher, dataset, clean, fitted } = inputs;
  if (resumed) {
    expectDigest(inputs.student, settings.modelDigest);
    if (teacher) expectDigest(teacher, settings.teacherDigest);
  }
  const { training, teacherTraining } = fitted;
  const audited = canAudit(settings, dataset, output);

  using gpu = await openGpuFor(output);
  const { preprocessing } = settings;
  const trial = { preprocessing, output, signal };
  const student = await decideVariant(gpu, inputs.student, clean.train, trial);
  const { height, width } = dataset.train;
  const kernels = await chooseKernels(gpu, output, {
    architectures: [student.architecture, ...teacher ? [teacher.architecture] : []],
    images: { batch: training.batchSize, height, width },
    timing: settings.tune,
    kept: resumed && settings.kernels,
  });
  const adapter = gpu.adapter.name;
  const decided = inputs.student.others && { arch: student.architecture.name };
  const recorded = {
    ...settings,
    ...decided,
    teacherTraining,
    studentTraining: training,
    kernels,
  };
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
    const restored = await normsFor(gpu, inputs, { output, signal });
    const trained = restored?.network ?? student;
    const result = await defend(gpu, {
      defense,
      student: trained,
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
      resume: resumed || earlier ? await resumption(folder, trained, fitted, defense) : undefined,
      ...recordingHooks({ settings, fitted, dataset, folder, output, adapter }),
    });
    const cleaned = restored?.fold(result) ?? result;
    await folder.saveModel("student", cleaned, modelMetadata(settings));
    if (settings.format === "pytorch") {
      await folder.saveFile("student.pth", writeTorch(cleaned));
    }
    if (student.onnx) {
      // What a safetensors file says of its own form has no place here.
      const metadata = modelMetadata(settings);
      metadata.delete("format");
      const files = writeOnnxState(student.onnx.file, cleaned, metadata);
      for (const [name, bytes] of files) await folder.saveFile(name || "student.onnx", bytes);
    }
    const { architecture } = student;
    const made = teacher ? undefined : await folder.readModel("teacher");
    const own = made && { ...trained, state: made, source: "the teacher" };
    await audit("teacher", own ?? teacher);
    await audit("after", { architecture, state: cleaned, source: `${folder.path}/student` });
    await folder.update({ finished: true });
  });
  const { record, path } = folder;
  const files = [
    "student.safetensors",
    ...settings.format === "pytorch" ? ["student.pth"] : [],
    ...student.onnx ? ["student.onnx"] : [],
  ];
  const { classNames } = dataset;
  const verdict = verdictOf(settings, record, classNames);
  return { settings, record, classes: classNames.length, verdict, out: path, files };
}

/** What the numbers on record mean. */
function verdictOf(
  { teacher: given }: DefenseRunSettings,
  record: RunRecord,
  classNames: readonly string[],
): Verdict {
  const { before, teacher, after } = Object.fromEntries(evaluationsOf(record));
  const { before: auditBefore, after: auditAfter } = auditsOf(record);
  const finetuned = given === null ? teacher : undefined;
  return defenseVerdict({
    before,
    teacher: finetuned,
    after,
    auditBefore,
    auditAfter,
    classNames,
  });
}

/** Whether a run audits; why not, where an audit was only wished for, is a warning. */
function canAudit(settings: DefenseRunSettings, dataset: Dataset, output: Watcher): boolean {
  if (settings.audit === "never") return false;
  const obstacle = auditObstacle(settings, dataset);
  if (obstacle === undefined) return true;
  if (settings.audit === "always") throw new UsageError(obstacle);
  output.warning(`warning: no audit: ${obstacle}`);
  return false;
}
