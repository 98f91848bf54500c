/** The files that cells need: networks, data sets, pictures of triggers. Read once, to be checked. */

import { resolve } from "node:path";
import { findAttack } from "../attacks/attacks.ts";
import { isModelFile, recordedBackdoor } from "../attacks/backdoor.ts";
import { isPicture } from "../attacks/picture_option.ts";
import { type DatasetRequest, loadDataset } from "../data/datasets.ts";
import { kindOf } from "../data/paths.ts";
import { FormatError } from "../errors.ts";
import { readCheckpoint } from "../formats/checkpoint.ts";
import { architectureOf } from "../nn/architectures.ts";
import type { PlanModel } from "../settings/plan.ts";
import { pairs } from "../text/pairs.ts";
import { quoted } from "../text/quoted.ts";

/** What a sweep needs to know of a network. */
export interface Network {
  /** Its file. */
  readonly path: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  /** Number of logits. */
  readonly classes: number;
  /** What its file says of it. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What a sweep needs to know of a data set. */
export interface Data {
  /** Number of classes. */
  readonly classes: number;
}

/**
 * Reads a network's file.
 *
 * @throws {FormatError} where it is missing or holds no network.
 */
export async function readNetwork(path: string, arch?: string): Promise<Network> {
  const { tensors, metadata, digest } = await readCheckpoint(path);
  const { classes } = architectureOf(tensors, path, arch);
  return { path, digest, classes, metadata };
}

/**
 * Looks for a data set with its own loader, which is told to keep no image.
 *
 * @throws {LetheError} where it is unknown, missing or damaged.
 */
export async function readData(request: DatasetRequest): Promise<Data> {
  const { classNames } = await loadDataset({
    ...request,
    parts: ["train"],
    trainSubset: () => [],
  });
  return { classes: classNames.length };
}

/**
 * Refuses a network that has another number of classes than the data set.
 *
 * @throws {FormatError} naming both numbers.
 */
export function expectClasses({ path, classes }: Network, data: Data): void {
  if (classes === data.classes) return;
  throw new FormatError(
    `cannot use ${path}: it has ${classes} classes, the data set ${data.classes}`,
  );
}

/** The attack that is measured on a model. */
export interface MeasuredAttack {
  /** Its name. */
  readonly name: string;
  /** What `--attack` takes. */
  readonly flag: string;
  /** Of the model that records it, where that is another. */
  readonly digest?: string;
}

/**
 * The attack that is measured on a model, undefined where there is none.
 *
 * @param read Reads the network of a path that begins where the plan lies.
 * @throws {UsageError} for an unknown attack.
 * @throws {FormatError} where a model records none.
 */
export async function measuredAttack(
  { attack }: PlanModel,
  network: Network,
  read: (path: string) => Promise<Network>,
): Promise<MeasuredAttack | undefined> {
  if (attack === undefined) return undefined;
  if (isModelFile(attack)) {
    const { metadata, path, digest } = await read(attack);
    return { name: findAttack(recordedBackdoor(metadata, path).name).name, flag: path, digest };
  }
  const { name } = attack === "recorded"
    ? recordedBackdoor(network.metadata, network.path)
    : { name: attack };
  return { name: findAttack(name).name, flag: attack };
}

/**
 * The options of an attack with absolute paths in place of those relative to `folder`.
 *
 * @throws {FormatError} where a file is missing, or what is no option.
 */
export async function resolveAttackOptions(
  { attack, "attack-options": text }: PlanModel,
  folder: string,
): Promise<string | undefined> {
  if (attack === undefined || text === undefined) return undefined;
  const { files = [], options } = findAttack(attack);
  const given = pairs.parse(text) ?? {};
  const resolved: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(options, key)) {
      throw new FormatError(
        `cannot use ${
          quoted(`${key}=${value}`)
        } with attack ${attack}: expected KEY=VALUE with a key of ` +
          (Object.keys(options).join(", ") || "none, it has no options"),
      );
    }
    const isPath = files.includes(key) && !isPicture(value);
    const path = resolve(folder, value);
    if (isPath && await kindOf(path) === "nothing") {
      throw new FormatError(`cannot find ${path}, which "${key}" names: expected a file there`);
    }
    resolved[key] = isPath ? path : value;
  }
  return pairs.write(resolved);
}
