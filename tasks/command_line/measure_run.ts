/** From a run folder to what its report measures: models and data, as far as they are still there. */

import { isDeepStrictEqual } from "node:util";
import type { Preprocessing } from "../../shaders/gather.ts";
import {
  BACKDOOR_KEY,
  type BackdoorDescription,
  describedBackdoor,
  recordedBackdoor,
} from "../../src/attacks/backdoor.ts";
import type { Dataset } from "../../src/data/image_set.ts";
import { kindOf } from "../../src/data/paths.ts";
import { FormatError, Interrupted, LetheError } from "../../src/errors.ts";
import { fieldsOf, isFinite, isText } from "../../src/report/json_value.ts";
import { measure, type Measurement, type NamedNetwork } from "../../src/report/measurement.ts";
import { stageName } from "../../src/report/report_input.ts";
import type { Missing, RunContents } from "../../src/report/run_contents.ts";
import {
  type DataSettings,
  expectClasses,
  loadBackdoor,
  loadData,
  type LoadedModel,
  loadNetwork,
  openGpuFor,
} from "./load.ts";
import type { Output } from "./output.ts";
import { evaluationProgressText } from "./results.ts";
import { fileDigest } from "./runs.ts";

/** What a report knows of a run beyond its folder. */
export interface MeasuredRun {
  /** In label order; empty where the data are gone. */
  readonly classNames: readonly string[];
  readonly measurement?: Measurement | undefined;
  readonly missing: readonly Missing[];
  /** Whether the attack is the one that the metadata of the run's model tells of. */
  readonly recorded: boolean;
}

/** A network of a run. */
interface RunNetwork {
  readonly name: string;
  readonly path: string;
  /** SHA-256 that the file had when the run began, where that is known. */
  readonly digest?: unknown;
  /** Where it was stated and not found from the checkpoint. */
  readonly arch?: string | undefined;
}

/**
 * Measures the networks of a run. Whatever is missing is named in the result and left out.
 *
 * @throws {Interrupted} when the signal is aborted.
 */
export async function measureRun(
  run: RunContents,
  { images, output, signal }: { images: number; output: Output; signal: AbortSignal },
): Promise<MeasuredRun> {
  const missing: Missing[] = [];
  const attempt = async <T>(what: string, body: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof LetheError) || error instanceof Interrupted) throw error;
      missing.push({ what, why: error.message });
      return undefined;
    }
  };
  const { settings, command } = run.record;
  // An audit's document has all that is shown of it.
  if (command === "audit") return { classNames: [], missing, recorded: false };
  const dataset = await attempt("the test images", () => loadData(dataOf(run), "none", output));
  const classNames = dataset?.classNames ?? [];
  const networks: (NamedNetwork & { network: LoadedModel })[] = [];
  for (const file of await networksOf(run)) {
    const network = await attempt(`the model "${file.name}"`, () => readNetwork(file, dataset));
    if (network) networks.push({ name: file.name, network });
  }
  const original = networks.find(({ network }) => network.source === settings.model)?.network;
  const recorded = original !== undefined && isRecorded(settings.attack, original);
  if (!dataset || networks.length === 0) return { classNames, missing, recorded };

  const [{ network }] = networks as [NamedNetwork & { network: LoadedModel }];
  const backdoor = settings.attack
    ? await attempt("the trigger", async () => {
      // Only the model knows what an attack was prepared to be.
      const description = command === "attack"
        ? recordedBackdoor(network.metadata, network.source)
        : attackOf(run);
      return (await loadBackdoor(description, dataset))?.backdoor;
    })
    : undefined;
  const { attention, power } = settings;
  const measurement = await attempt("a GPU", async () => {
    const gpu = await openGpuFor(output);
    const measured = await measure(gpu, {
      networks,
      test: dataset.test,
      images,
      preprocessing: dataOf(run).preprocessing,
      operator: {
        reduction: attention === "mean" ? "mean" : "sum",
        power: isFinite(power) ? power : 2,
      },
      backdoor,
      signal,
      onProgress: (name, done, total) => output.progress(evaluationProgressText(name, done, total)),
    });
    gpu.close();
    return measured;
  });
  return { classNames, measurement, missing, recorded };
}

/** The networks that a report shows, by command. */
async function networksOf({ path, record }: RunContents): Promise<RunNetwork[]> {
  const { command, settings } = record;
  if (command === "attack") {
    return [{ name: stageName("model", record), path: `${path}/model.safetensors` }];
  }
  const { model, modelDigest, teacher, teacherDigest, teacherKind } = settings;
  const arch = isText(settings.arch) ? settings.arch : undefined;
  const finetuned = `${path}/teacher.safetensors`;
  // Not every defence has a teacher, and a model that is its own needs no file.
  const has = (command === "erase" && teacherKind !== "original") ||
    await kindOf(finetuned) === "file";
  return [
    { name: stageName("before", record), path: String(model), digest: modelDigest, arch },
    ...isText(teacher)
      ? [{ name: "teacher", path: teacher, digest: teacherDigest }]
      : has
      ? [{ name: "teacher", path: finetuned, arch }]
      : [],
    { name: stageName("after", record), path: `${path}/student.safetensors`, arch },
  ];
}

async function readNetwork(
  { path, digest, arch }: RunNetwork,
  dataset: Dataset | undefined,
): Promise<LoadedModel> {
  const network = await loadNetwork(path, arch);
  if (isText(digest) && await fileDigest(path) !== digest) {
    throw new FormatError(`cannot use ${path}: it has changed since the run`);
  }
  if (dataset) expectClasses(network, dataset);
  return network;
}

/** The settings that say which data a run was measured on. */
function dataOf({ path, record: { settings } }: RunContents): DataSettings {
  const { dataset, data, limit, roi, preprocessing } = settings;
  if (
    !isText(dataset) || !isText(data) || !(limit === null || isFinite(limit)) ||
    typeof roi !== "boolean" || !isPreprocessing(preprocessing)
  ) {
    throw new FormatError(
      `cannot load the data of ${path}: the settings in its run.json do not say which they are`,
    );
  }
  return { dataset, data, limit, roi, preprocessing };
}

function isPreprocessing(value: unknown): value is Preprocessing {
  const { mean, deviation } = fieldsOf(value);
  return [mean, deviation].every((values) =>
    Array.isArray(values) && values.length === 3 && values.every(isFinite)
  );
}

/** The attack in the settings, checked as that in a model's metadata is. */
function attackOf({ path, record: { settings } }: RunContents): BackdoorDescription {
  return describedBackdoor(settings.attack, `${path}/run.json`);
}

function isRecorded(attack: unknown, { metadata }: LoadedModel): boolean {
  const text = metadata.get(BACKDOOR_KEY);
  if (text === undefined || !attack) return false;
  try {
    return isDeepStrictEqual(JSON.parse(text), attack);
  } catch {
    return false;
  }
}
