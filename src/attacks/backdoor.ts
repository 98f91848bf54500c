/** A backdoor as text, so that a model's file can say what was done to it. */

import { FormatError } from "../errors.ts";
import type { Backdoor } from "../data/backdoor.ts";
import { refusal } from "../formats/refusal.ts";
import { quoted, shown } from "../text/quoted.ts";
import { ATTACKS, findAttack } from "./attacks.ts";
import { HELPER_OPTION } from "./helper_model.ts";
import { isPicture, readPicture } from "./picture_option.ts";
import type { ImageSet } from "../data/image_set.ts";
import type { Target } from "../data/target.ts";
import type { TrainingTriggers } from "./poisoned_set.ts";

/** Everything that determines a backdoor, as JSON can hold it. */
export interface BackdoorDescription {
  /** Name of the attack. */
  readonly name: string;
  /** What the trigger is to make of an image. */
  readonly target: Target;
  /** Parameters of the trigger. */
  readonly options: Readonly<Record<string, string>>;
  /** Seed of the trigger. */
  readonly seed: number;
}

/** Key of the safetensors metadata under which a model carries its {@linkcode BackdoorDescription}. */
export const BACKDOOR_KEY = "lethe.attack";

/** A file that a user has named; nothing that is read from a file ever becomes one. */
export interface NamedFile {
  /** Absolute path. */
  readonly file: string;
}

/** A backdoor as a user asks for it: pictures among its options may be files still to be read. */
export interface BackdoorRequest extends Omit<BackdoorDescription, "options"> {
  /** Parameters of the trigger. */
  readonly options: Readonly<Record<string, string | NamedFile>>;
}

/**
 * Reads the files that the options name, so that the description needs them no more.
 *
 * @throws {FormatError} for a file that cannot be read or has the wrong shape.
 */
export async function readTriggerFiles(
  request: BackdoorRequest,
  size: { height: number; width: number },
): Promise<BackdoorDescription> {
  const options: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.options)) {
    options[name] = typeof value === "string" ? value : await readPicture(value.file, size);
  }
  return { ...request, options };
}

/**
 * Makes the trigger for images of the given size.
 *
 * @throws {UsageError} for an unknown attack or impossible options.
 */
export function buildBackdoor(
  description: BackdoorDescription,
  size: { height: number; width: number },
): Backdoor {
  const { name, options, seed } = description;
  const trigger = findAttack(name).trigger({ ...size, options, seed });
  return { name, trigger, target: targetOfBackdoor(description) };
}

/** What a backdoor is to make of an image, and of which images. */
export function targetOfBackdoor({ name, target, options }: BackdoorDescription): Target {
  const source = findAttack(name).source?.(options);
  return source === undefined ? target : { ...target, source };
}

/**
 * What training images carry of a backdoor.
 *
 * @throws {UsageError} for an unknown attack or impossible options.
 */
export function trainingTriggers(
  { name, options, seed }: BackdoorDescription,
  train: ImageSet,
): TrainingTriggers {
  const attack = findAttack(name);
  const { height, width } = train;
  const request = { height, width, options, seed };
  return {
    poisoned: attack.trainingTrigger?.(request) ?? attack.trigger(request),
    covers: attack.covers?.(options).trigger({ ...request, train }),
  };
}

/**
 * Refuses impossible options, also of attacks that need to be prepared first.
 *
 * @throws {UsageError} for an unknown attack or impossible options.
 */
export function checkBackdoor(
  { name, options, seed }: BackdoorDescription,
  { height, width }: { height: number; width: number },
): void {
  const attack = findAttack(name);
  const request = { height, width, options, seed };
  if (attack.check) attack.check(request);
  else attack.trigger(request);
}

/** Whether an attack is named by a model's file, whose metadata describe it. */
export function isModelFile(attack: string): boolean {
  return attack.endsWith(".safetensors");
}

/**
 * The description in a model's metadata, checked as flags are.
 *
 * @throws {FormatError} where there is none, or it cannot be one.
 */
export function recordedBackdoor(
  metadata: ReadonlyMap<string, string>,
  source: string,
): BackdoorDescription {
  const text = metadata.get(BACKDOOR_KEY);
  if (text === undefined) {
    throw new FormatError(
      `cannot measure the recorded attack of ${shown(source)}: its metadata has no ` +
        `${BACKDOOR_KEY}; name the attack by --attack`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = `cannot read the recorded attack of ${shown(source)}: found ${quoted(text)}, ` +
      "expected JSON";
    throw new FormatError(message, { cause: error });
  }
  return describedBackdoor(value, source);
}

/**
 * The description that parsed JSON from a file holds. Its pictures must be in it: a path in a file
 * that somebody else wrote is not opened.
 *
 * @param source Names the file in messages.
 * @throws {FormatError} where it is none.
 */
export function describedBackdoor(value: unknown, source: string): BackdoorDescription {
  const refuse = refusal("the recorded attack of", source);
  const { name, target, options = {}, seed } = fieldsOf(value);
  const attack = ATTACKS.find((candidate) => candidate.name === name);
  if (!attack) {
    const names = ATTACKS.map((candidate) => candidate.name).join(", ");
    throw refuse(`the attack ${text(name)}`, `one of ${names}`);
  }
  const { mode, label } = fieldsOf(target);
  if (mode !== "all2one" && mode !== "all2all") {
    throw refuse(`the target mode ${text(mode)}`, "all2one or all2all");
  }
  if (!isWhole(label)) throw refuse(`the target ${text(label)}`, "the number of a class, from 0");
  if (!isWhole(seed)) throw refuse(`the seed ${text(seed)}`, "a whole number of at least 0");
  if (typeof options !== "object" || Array.isArray(options)) {
    throw refuse(`the options ${text(options)}`, "an object of texts");
  }
  // A helper serves to prepare an attack; what is recorded is prepared.
  const known = Object.keys(attack.options).filter((key) => key !== HELPER_OPTION);
  const checked: [string, string][] = [];
  for (const [key, option] of Object.entries(fieldsOf(options))) {
    if (!known.includes(key)) {
      throw refuse(`the option ${quoted(key)} of ${attack.name}`, known.join(", "));
    }
    if (typeof option !== "string") throw refuse(`${key} ${text(option)}`, "a text");
    if (attack.files?.includes(key) && !isPicture(option)) {
      throw new FormatError(
        `cannot read the recorded attack of ${shown(source)}: found ${quoted(option)} as ${key}, ` +
          "expected the picture itself, for files that a file names are not opened; name it " +
          `yourself by --attack ${attack.name} --target ${label} --attack-options ${key}=FILE`,
      );
    }
    const { kind } = attack.options[key]!;
    if (kind.parse(option) === undefined) throw refuse(`${key} ${text(option)}`, kind.expected);
    checked.push([key, option]);
  }
  return { name: attack.name, target: { mode, label }, options: Object.fromEntries(checked), seed };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A value out of JSON in a message. */
function text(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (value === undefined || value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}
