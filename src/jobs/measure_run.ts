/** From a run folder to what its report measures: models and data, as far as they are still there. */

import { isDeepStrictEqual } from "node:util";
import type { AttentionOperator } from "../../shaders/attention.ts";
import type { Preprocessing } from "../../shaders/gather.ts";
import {
  BACKDOOR_KEY,
  type BackdoorDescription,
  describedBackdoor,
  recordedBackdoor,
} from "../attacks/backdoor.ts";
import { DATASET_NAMES } from "../data/datasets.ts";
import { type Dataset, imageCount } from "../data/image_set.ts";
import { imagesDigest } from "../data/images_digest.ts";
import { kindOf } from "../data/paths.ts";
import { DataError, FormatError, Interrupted, LetheError } from "../errors.ts";
import { isText } from "../report/json_value.ts";
import { measure, type Measurement, type NamedNetwork } from "../report/measurement.ts";
import { stageName } from "../report/report_input.ts";
import type { Missing, RunContents } from "../report/run_contents.ts";
import { check, list, number, object, oneOf, optional, type Schema } from "../runs/schema.ts";
import { checkRecorded } from "../settings/record.ts";
import { shown } from "../text/quoted.ts";
import {
  expectClasses,
  loadBackdoor,
  loadData,
  type LoadedModel,
  loadNetwork,
  openGpuFor,
} from "./load.ts";
import { dataFields, type DataSettings } from "../settings/run_schema.ts";
import type { Watcher } from "./watcher.ts";
import { evaluationProgressText } from "./results.ts";

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
  /** Where its state dict lies in the checkpoint, where that was stated. */
  readonly key?: string | undefined;
}

/**
 * Measures the networks of a run. Whatever is missing is named in the result and left out.
 *
 * @throws {Interrupted} when the signal is aborted.
 */
export async function measureRun(
  run: RunContents,
  { images, output, signal }: { images: number; output: Watcher; signal: AbortSignal },
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
  const possible = await attempt("the settings", () => {
    checkRecorded(settings, command, shown(`${run.path}/run.json`));
    return Promise.resolve(true);
  });
  if (!possible) return { classNames: [], missing, recorded: false };
  const dataset = await attempt("the test images", () => testImagesOf(run, output));
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
  const gpu = await attempt("a GPU", () => openGpuFor(output));
  const measurement = gpu && await attempt("predictions and attention", async () => {
    try {
      return await measure(gpu, {
        networks,
        test: dataset.test,
        images,
        preprocessing: dataOf(run).preprocessing,
        operator: operatorOf(run),
        backdoor,
        signal,
        onProgress: (name, done, total) =>
          output.progress(evaluationProgressText(name, done, total)),
      });
    } finally {
      gpu.close();
    }
  });
  return { classNames, measurement, missing, recorded };
}

/**
 * The test images of a run. They are embedded in its report, so that a record that somebody else wrote
 * must not choose them: it has to state their digest, or name a public data set.
 */
async function testImagesOf(run: RunContents, output: Watcher): Promise<Dataset> {
  const settings = dataOf(run);
  const { path, record: { images } } = run;
  if (images === undefined && !DATASET_NAMES.includes(settings.dataset)) {
    throw new FormatError(
      `cannot show the images of ${shown(settings.dataset)}: the run.json of ${shown(path)} does ` +
        "not state their digest, expected a run of this version",
    );
  }
  const dataset = await loadData(settings, "none", output);
  if (imageCount(dataset.test) === 0) {
    throw new DataError(`cannot show the images of ${shown(settings.dataset)}: found none`);
  }
  if (images && await imagesDigest(dataset.test, dataset.classNames) !== images.test) {
    throw new FormatError(
      `cannot show the images of ${shown(settings.dataset)}: they have changed since the run`,
    );
  }
  return dataset;
}

/** The networks that a report shows, by command. */
async function networksOf({ path, record }: RunContents): Promise<RunNetwork[]> {
  const { command, settings } = record;
  if (command === "attack") {
    return [{ name: stageName("model", record), path: `${path}/model.safetensors` }];
  }
  const { model, modelDigest, teacher, teacherDigest, teacherKind } = settings;
  const arch = isText(settings.arch) ? settings.arch : undefined;
  const key = isText(settings.key) ? settings.key : undefined;
  const finetuned = `${path}/teacher.safetensors`;
  // Not every defence has a teacher, and a model that is its own needs no file.
  // A network of an ONNX file is known by that file alone, and its teacher by none.
  const onnx = await kindOf(`${path}/student.onnx`) === "file";
  const has = !onnx && ((command === "erase" && teacherKind !== "original") ||
    await kindOf(finetuned) === "file");
  return [
    ...isText(model)
      ? [{ name: stageName("before", record), path: model, digest: modelDigest, arch, key }]
      : [],
    ...isText(teacher)
      ? [{ name: "teacher", path: teacher, digest: teacherDigest }]
      : has
      ? [{ name: "teacher", path: finetuned, arch }]
      : [],
    {
      name: stageName("after", record),
      path: `${path}/student.${onnx ? "onnx" : "safetensors"}`,
      arch,
    },
  ];
}

async function readNetwork(
  { path, digest, arch, key }: RunNetwork,
  dataset: Dataset | undefined,
): Promise<LoadedModel> {
  const network = await loadNetwork(path, arch, key);
  if (isText(digest) && network.digest !== digest) {
    throw new FormatError(`cannot use ${shown(path)}: it has changed since the run`);
  }
  if (dataset) expectClasses(network, dataset);
  return network;
}

/** Numbers of a preprocessing: they become part of kernels. */
const channels = list(number(-1e6, 1e6), 3, 3) as Schema<Preprocessing["mean"]>;

const dataSchema: Schema<DataSettings> = object<DataSettings>({
  ...dataFields,
  preprocessing: object<Preprocessing>({ mean: channels, deviation: channels }),
});

/** The settings that say which data a run was measured on. */
function dataOf({ path, record: { settings } }: RunContents): DataSettings {
  const attempt =
    `cannot load the data of ${shown(path)}: the settings in its run.json do not say ` +
    "which they are";
  const found = check(dataSchema, settings, attempt);
  if (!found.preprocessing.deviation.includes(0)) return found;
  throw new FormatError(`${attempt}: found a deviation of 0, which nothing can be divided by`);
}

const operatorSchema: Schema<{ attention?: "sum" | "mean"; power?: number }> = object({
  attention: optional(oneOf("sum", "mean")),
  power: optional(number(Number.MIN_VALUE, 1000)),
});

/** How the run made maps of activations; the paper's way where it made none. */
function operatorOf({ path, record: { settings } }: RunContents): AttentionOperator {
  const attempt = `cannot draw the attention of ${shown(path)}`;
  const { attention = "sum", power = 2 } = check(operatorSchema, settings, attempt);
  return { reduction: attention, power };
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
