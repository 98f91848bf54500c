/** What an attack is to the rest of the project. A new attack is one file and one registry line. */

import type { ImageSet } from "../data/image_set.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Architecture } from "../nn/architecture.ts";
import type { TrainingSettings } from "../train/trainer.ts";
import type { AttackOption } from "./options.ts";
import type { ImageTrigger, PixelTrigger, Trigger } from "../data/trigger.ts";

/** What a trigger is made for. */
export interface TriggerRequest {
  /** Pixels. */
  readonly height: number;
  /** Pixels. */
  readonly width: number;
  /** For triggers that are drawn at random. */
  readonly seed: number;
  /** Parameters by name, as text; those not given have the attack's defaults. */
  readonly options: Readonly<Record<string, string>>;
}

/** What an attack may use to prepare itself before training. */
export interface PrepareRequest extends TriggerRequest {
  /** All training images, untouched. */
  readonly train: ImageSet;
  /** Those of them that will be poisoned, ascending. */
  readonly poisoned: Uint32Array;
  /** Of the network that will be trained; a helper network has the same. */
  readonly architecture: Architecture;
  /** Of that training. */
  readonly training: TrainingSettings;
}

/** Who watches a preparation. */
export interface PrepareHooks {
  /** Stops the preparation. */
  readonly signal?: AbortSignal | undefined;
  /** Told in a few words what is being done. */
  onProgress?(text: string): void;
  /** Given the helper network, when one had to be trained; option `model` takes it again. */
  onHelper?(state: StateDict): Promise<void>;
}

/** What a preparation yields. */
export interface Preparation {
  /** Everything that `trigger` needs, in place of the options asked for. */
  readonly options: Readonly<Record<string, string>>;
  /** Pixels of the poisoned images before the trigger, (poisoned,3,H,W), where they change. */
  readonly images?: Uint8Array<ArrayBuffer>;
}

/** For what training images carry. */
export interface TrainingRequest extends TriggerRequest {
  /** All training images, untouched. */
  readonly train: ImageSet;
}

/** Training images that carry something like the trigger and keep their label. */
export interface Covers {
  /** How many there are for each poisoned image. */
  readonly perPoisoned: number;
  /** What they carry. */
  trigger(request: TrainingRequest): ImageTrigger;
}

/** A backdoor attack: a trigger, and how training images are chosen to carry it. */
export interface Attack {
  /** As `--attack` takes it. */
  readonly name: string;
  /** One line for help texts, with its source. */
  readonly description: string;
  /** Parameters of the trigger. */
  readonly options: Readonly<Record<string, AttackOption>>;
  /**
   * Those of the options that name files. They are read before the trigger is made and replaced by
   * their content (`picture_option.ts`), so that a recorded attack needs no file.
   */
  readonly files?: readonly string[];
  /**
   * `changed`: images of other classes get the trigger and the target label. `kept`: images of the
   * target class get the trigger and keep their label.
   */
  readonly labels: "changed" | "kept";
  /** Share of the whole training set (labels changed) or of the target class (labels kept). */
  readonly defaultRate: number;
  /**
   * Refuses impossible options of an attack whose trigger cannot be made before `prepare`; without
   * it, `trigger` does.
   *
   * @throws {UsageError} for an unknown option or an impossible value.
   */
  check?(request: TriggerRequest): void;
  /**
   * Does what takes a GPU: once, before training. Attacks without it need no preparation.
   *
   * @throws {UsageError} for an unknown option or an impossible value.
   * @throws {Interrupted} when the signal is aborted.
   */
  prepare?(gpu: Gpu, request: PrepareRequest, hooks: PrepareHooks): Promise<Preparation>;
  /**
   * Makes the trigger; a pure function of its argument.
   *
   * @throws {UsageError} for an unknown option or an impossible value.
   */
  trigger(request: TriggerRequest): Trigger;
  /** What poisoned training images carry where that is not what {@linkcode trigger} makes. */
  trainingTrigger?(request: TriggerRequest): Trigger;
  /**
   * Covers, of an attack that has them.
   *
   * @throws {UsageError} for an unknown option or an impossible value.
   */
  covers?(options: TriggerRequest["options"]): Covers;
  /**
   * The one class whose images the trigger leads astray; without it all do.
   *
   * @throws {UsageError} for an unknown option or an impossible value.
   */
  source?(options: TriggerRequest["options"]): number;
}

/** An attack whose trigger the GPU can stamp. */
export interface PixelAttack extends Attack {
  /** As that of {@linkcode Attack}. */
  trigger(request: TriggerRequest): PixelTrigger;
}
