/** From settings to data sets, models and backdoors. */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { findAttack } from "../attacks/attacks.ts";
import {
  type BackdoorDescription,
  type BackdoorRequest,
  buildBackdoor,
  isModelFile,
  type NamedFile,
  readTriggerFiles,
  recordedBackdoor,
} from "../attacks/backdoor.ts";
import { HELPER_OPTION } from "../attacks/helper_model.ts";
import { isPicture } from "../attacks/picture_option.ts";
import { cleanFraction, evenSubset, indexRange } from "../data/clean_subset.ts";
import {
  DATASET_NAMES,
  type DatasetRequest,
  downloadDataset,
  loadDataset,
} from "../data/datasets.ts";
import { checkImageSet, type Dataset, imageCount, selectImages } from "../data/image_set.ts";
import type { LoadOptions } from "../data/load_options.ts";
import { kindOf } from "../data/paths.ts";
import { DataError, UsageError } from "../errors.ts";
import { readCheckpoint } from "../formats/checkpoint.ts";
import { MAXIMUM_CHECKPOINT_BYTES, parseCheckpoint } from "../formats/parse_checkpoint.ts";
import { isOnnx, type OnnxModel } from "../formats/onnx.ts";
import { readOnnxFiles } from "../formats/onnx_file.ts";
import { readRegularFile } from "../formats/read_file.ts";
import { isSafetensors } from "../formats/safetensors.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import { architecturesOf } from "../nn/architectures.ts";
import { type OnnxNetwork, onnxNetwork } from "../nn/onnx_model.ts";
import { unreadNames } from "../nn/unread.ts";
import { checkState, type NamedState } from "../nn/state.ts";
import type { Backdoor } from "../data/backdoor.ts";
import type { DataSettings, SubsetSettings } from "../settings/run_schema.ts";
import type { AttackFlags, DataFlags } from "../settings/table.ts";
import { adapterLine, openAdvisedGpu } from "./open_gpu.ts";
import type { Watcher } from "./watcher.ts";

/** The model that the embedded default job erases, made by `deno task attack` (models/README.md). */
export function embeddedModel(): string {
  return fileURLToPath(new URL("../../models/signs-badnets.safetensors", import.meta.url));
}

/** The part of the flags that says which data; paths are absolute, for a resume from elsewhere. */
export async function dataSettings(flags: DataFlags): Promise<DataSettings> {
  const { dataset } = flags;
  const isPath = !DATASET_NAMES.includes(dataset) && await kindOf(dataset) !== "nothing";
  return {
    dataset: isPath ? resolve(dataset) : dataset,
    data: resolve(flags.data),
    limit: flags.limit ?? null,
    roi: flags.roi ?? false,
    preprocessing: preprocessing(flags),
    labelsFile: resolved(flags.labelsFile ?? flags.labelTable),
    classNamesFile: resolved(flags.classNamesFile),
    classOrder: flags.classOrder,
    size: flags.size ?? null,
    resize: flags.resize,
  };
}

const resolved = (path: string | undefined) => path === undefined ? null : resolve(path);

/** What the settings say of images in folders, as far as they say it. */
function ownImages(
  { labelsFile, classNamesFile, classOrder, size, resize }: DataSettings,
): Partial<DatasetRequest> {
  const [height, width] = size?.split("x").map(Number) ?? [];
  return {
    ...labelsFile ? { labelsFile } : {},
    ...classNamesFile ? { classNamesFile } : {},
    ...classOrder ? { classOrder } : {},
    ...height && width ? { size: { height, width } } : {},
    ...resize ? { resize } : {},
  };
}

/** (byte / scale - mean) / std, in terms of byte / 255. */
function preprocessing({ mean, std, scale }: DataFlags): Preprocessing {
  type Channels = Preprocessing["mean"];
  const inBytes = (values: Channels) => values.map((value) => value * scale / 255) as [...Channels];
  return {
    mean: inBytes(mean ?? PLAIN_PREPROCESSING.mean),
    deviation: inBytes(std ?? PLAIN_PREPROCESSING.deviation),
  };
}

/** What the network sees of a pixel, in words. */
export function preprocessingText({ mean, deviation }: Preprocessing): string {
  const range = (byte: number) =>
    mean.map((m, c) => ((byte / 255 - m) / deviation[c]!).toFixed(2)).join(", ");
  const [low, high] = [range(0), range(255)];
  return low === "0.00, 0.00, 0.00" && high === "1.00, 1.00, 1.00"
    ? "pixels of 0 to 255 become 0 to 1"
    : `pixels of 0 to 255 become (${low}) to (${high})`;
}

/** The options that load a subset. */
function subsetOptions(subset: SubsetSettings): Pick<LoadOptions, "trainLimit" | "trainSubset"> {
  if ("limit" in subset) return { trainLimit: subset.limit };
  return {
    trainSubset: (count) =>
      "range" in subset
        ? indexRange(subset.range, count)
        : cleanFraction(count, subset.fraction, subset.seed),
  };
}

/**
 * Loads what is needed of a data set; `none` leaves the training images out. Files that are skipped
 * are shown as a warning.
 */
export async function loadData(
  settings: DataSettings,
  subset: SubsetSettings | "all" | "none",
  output: Watcher,
): Promise<Dataset> {
  const dataset = await loadDataset({
    name: settings.dataset,
    path: settings.data,
    regionOfInterest: settings.roi,
    ...ownImages(settings),
    parts: subset === "none" ? ["test"] : ["train", "test"],
    onWarning: (text) => output.warning(text),
    onNotice: (text) => output.line(text),
    ...typeof subset === "string" ? {} : subsetOptions(subset),
  });
  const classes = dataset.classNames.length;
  checkImageSet(dataset.train, classes);
  checkImageSet(dataset.test, classes);
  const { limit } = settings;
  if (limit === null || limit >= imageCount(dataset.test)) return dataset;
  const { test } = dataset;
  return { ...dataset, test: selectImages(test, evenSubset(test.labels, limit)) };
}

/** Fetches the official archive where `--download` was given. */
export async function downloadIfAsked(flags: DataFlags, output: Watcher): Promise<void> {
  if (!flags.download) return;
  await downloadDataset(flags.dataset, flags.data, {
    onProgress: (received, total) =>
      output.progress(
        `downloading ${flags.dataset}: ${megabytes(received)} of ${megabytes(total)} MB`,
      ),
  });
  output.end();
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

/** A model file with what its metadata says. */
export interface LoadedModel extends NamedState {
  readonly metadata: ReadonlyMap<string, string>;
  /** SHA-256 of the very bytes that the state was read from, hexadecimal. */
  readonly digest: string;
  /** What else it may be, by its names and shapes: see `decideVariant`. */
  readonly others?: readonly Architecture[];
  /** Of a network that came out of an ONNX file, that file: a cleaned one goes back into a copy. */
  readonly onnx?: { readonly file: OnnxModel; readonly network: OnnxNetwork };
}

/** Names that a warning lists before it says how many more there are. */
const NAMES_SHOWN = 3;

/** Warns of what lies in a model's file and takes no part; it is kept in files made of the model. */
export function warnOfUnread({ architecture, source }: NamedState, output: Watcher): void {
  const names = unreadNames(architecture);
  if (names.length === 0) return;
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  output.warning(
    `warning: ${source} holds tensors that ${architecture.name} does not read; they are kept as they ` +
      `are: ${names.slice(0, NAMES_SHOWN).join(", ")}${more}`,
  );
}

/**
 * Reads a model.
 *
 * @param arch Its architecture; found from the checkpoint unless given.
 * @param key Which dictionary of a PyTorch checkpoint holds it; found unless given.
 */
export async function loadNetwork(
  path: string,
  arch: string | undefined,
  key?: string,
): Promise<LoadedModel> {
  const expectation = { what: "checkpoint", limit: MAXIMUM_CHECKPOINT_BYTES };
  const bytes = await readRegularFile(path, expectation);
  if (isOnnx(bytes) && !isSafetensors(bytes)) return await loadOnnx(bytes, path, arch ?? key);
  const { tensors, metadata, digest } = await parseCheckpoint(bytes, path, { key });
  const [architecture, ...others] = architecturesOf(tensors, path, arch);
  checkState(architecture!, tensors, path);
  return {
    architecture: architecture!,
    state: tensors,
    source: path,
    metadata,
    digest,
    ...others.length > 0 && { others },
  };
}

async function loadOnnx(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  arch: string | undefined,
): Promise<LoadedModel> {
  if (arch !== undefined) {
    throw new UsageError(
      `cannot read ${path} as ${arch}: an ONNX file says itself what its network is`,
    );
  }
  const file = await readOnnxFiles(bytes, path);
  const network = onnxNetwork(file);
  const { architecture, state } = network;
  checkState(architecture, state, path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const onnx = { file, network };
  return { architecture, state, source: path, metadata: file.metadata, digest, onnx };
}

/** Refuses a model that has another number of classes than the data set. */
export function expectClasses(network: NamedState, dataset: Dataset): void {
  const { classes } = network.architecture;
  if (classes !== dataset.classNames.length) {
    throw new UsageError(
      `cannot use ${network.source} on ${dataset.name}: the model has ${classes} classes, the data ` +
        `set ${dataset.classNames.length}`,
    );
  }
}

/**
 * Which backdoor the flags speak of; `recorded` takes it from the model's metadata, the name of a
 * safetensors file from that file's.
 */
export async function backdoorSettings(
  flags: AttackFlags,
  model: { metadata: ReadonlyMap<string, string>; source: string },
  seed: number,
): Promise<BackdoorRequest | null> {
  const { attack } = flags;
  if (attack !== "recorded" && !(attack && isModelFile(attack))) return namedBackdoor(flags, seed);
  if (flags.target !== undefined || flags.attackOptions !== undefined) {
    throw new UsageError(
      `cannot aim --attack ${attack} anew: what is recorded has its own target and options`,
    );
  }
  if (attack === "recorded") return recordedBackdoor(model.metadata, model.source);
  const { metadata } = await readCheckpoint(attack);
  return recordedBackdoor(metadata, attack);
}

/** Which backdoor the flags name. */
export function namedBackdoor(flags: AttackFlags, seed: number): BackdoorRequest | null {
  if (flags.attack === undefined) {
    if (flags.target !== undefined || flags.attackOptions !== undefined) {
      throw new UsageError("cannot aim without an attack: name one by --attack");
    }
    return null;
  }
  const { files = [] } = findAttack(flags.attack);
  const option = (name: string, value: string): string | NamedFile => {
    const isFile = name === HELPER_OPTION || files.includes(name);
    if (isFile && value.trim() === "") {
      throw new UsageError(`cannot set attack option ${name} to "${value}": expected a path`);
    }
    if (files.includes(name) && !isPicture(value)) return { file: resolve(value) };
    // A resume from elsewhere finds it too.
    return name === HELPER_OPTION ? resolve(value) : value;
  };
  const options = Object.fromEntries(
    Object.entries(flags.attackOptions ?? {}).map(([name, value]) => [name, option(name, value)]),
  );
  const target = { mode: flags.targetMode, label: flags.target ?? 0 };
  return { name: flags.attack, target, options, seed };
}

/** A backdoor with what makes it again. */
export interface LoadedBackdoor {
  readonly description: BackdoorDescription;
  readonly backdoor: Backdoor;
}

/** Makes the backdoor for the images of a data set; its target must be one of the classes. */
export async function loadBackdoor(
  request: BackdoorRequest | null,
  dataset: Dataset,
): Promise<LoadedBackdoor | undefined> {
  if (!request) return undefined;
  checkTarget(request, dataset);
  const description = await readTriggerFiles(request, dataset.test);
  return { description, backdoor: buildBackdoor(description, dataset.test) };
}

/** Refuses a target that is no class of the data set. */
export function checkTarget({ target: { label } }: BackdoorRequest, dataset: Dataset): void {
  const classes = dataset.classNames.length;
  if (label >= classes) {
    throw new DataError(
      `cannot aim at class ${label}: ${dataset.name} has classes 0 to ${classes - 1}`,
    );
  }
}

/** Opens the GPU and says which it is. */
export async function openGpuFor(output: Watcher): Promise<Gpu> {
  const gpu = await openAdvisedGpu();
  output.line(`GPU: ${adapterLine(gpu.adapter)}`);
  return gpu;
}
