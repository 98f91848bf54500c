/**
 * What a defence is: a way from a network that may carry a backdoor, and a few clean images, to a
 * cleaned network.
 *
 * A defence sees no trigger, no test image and no attack success: nothing in {@linkcode DefenseContext}
 * leads to them. Whoever runs a defence measures what it presents ({@linkcode defend}).
 */

import type { AttentionOperator, Distance } from "../../shaders/attention.ts";
import type { Gpu } from "../gpu/gpu.ts";
import type { Model } from "../nn/model.ts";
import type { NamedState } from "../nn/state.ts";
import type { CurveEnds } from "../train/curve.ts";
import type { FixedElements } from "../train/fixed_elements.ts";
import type { ImageStore } from "../train/image_store.ts";
import type { Objective, TrainingSettings } from "../train/trainer.ts";

/** What of a teacher the student is to match, and how much that counts. */
export interface DistillationSettings {
  /** β of each tap; 0 leaves a tap out. The authors' are (500, 1000, 1000). */
  readonly betas: readonly number[];
  /** `attention`: maps; `features`: the activations themselves, an ablation of the paper. */
  readonly kind: "attention" | "features";
  /** How activations become maps. */
  readonly operator: AttentionOperator;
  /** How two maps are compared. */
  readonly distance: Distance;
  /** Weight of the cross-entropy with the labels; 1 in the paper. */
  readonly labels: number;
  /** Weight of the teacher's own answers; 0 in the paper. */
  readonly logits: number;
  /** Of the softmax of those answers. */
  readonly temperature: number;
}

/** Settings of all defences; each reads those that concern it. */
export interface DefenseSettings {
  /** Of the network that becomes the result. */
  readonly training: TrainingSettings;
  /** Of finetuned copies: the teacher of `nad`, the other end of `mcr`. */
  readonly teacherTraining: TrainingSettings;
  /**
   * `nad`: a copy of the network finetuned on the clean images, as in the paper, or the network itself,
   * which does no harm where it sees images without corruption.
   */
  readonly teacher: "finetuned" | "original";
  /** `nad`: what is distilled. */
  readonly distillation: DistillationSettings;
  /** `nad`: multiplies the betas as long as held-out accuracy stays above the floor. */
  readonly autoBetas: boolean;
  /** `nad`: how often the result becomes the next teacher; 1 is the paper's method. */
  readonly iterations: number;
  /**
   * Batch-norm statistics of the result: as training leaves them, or estimated anew on the clean
   * images, without corruption.
   */
  readonly statistics: "training" | "clean";
  /** Points of held-out accuracy that `autoBetas` and `fine-pruning` may cost. */
  readonly floor: number;
  /** Points of held-out accuracy that a finetuned teacher may have lost at most. */
  readonly teacherFloor: number;
  /** `mcr`: t of the point on the curve that is the result, 0..1; the paper's is 0.3. */
  readonly curvePosition: number;
  /** Epochs without a better held-out accuracy after which training ends; 0 runs all. */
  readonly patience: number;
}

/** How a phase of a defence trains. */
export interface PhaseOptions {
  /** Trains the middle of a curve; such a phase keeps its last epoch. */
  readonly ends?: CurveEnds;
  /** Elements of parameters that are 0 and stay so. */
  readonly fixed?: FixedElements;
}

/** What a defence works with. */
export interface DefenseContext {
  /** The device. */
  readonly gpu: Gpu;
  /** The network to clean. */
  readonly student: NamedState;
  /** For `nad`: distils from this network instead of a finetuned copy. */
  readonly teacher?: NamedState | undefined;
  /** The defender's images to train on. */
  readonly clean: ImageStore;
  /** Those to choose by. */
  readonly heldOut?: ImageStore | undefined;
  /** How to defend. */
  readonly settings: DefenseSettings;
  /** Stops the run. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Uploads a network. A defence disposes of those that it has done with; what is left is freed when
   * the defence has ended.
   */
  load(network: NamedState): Model;
  /**
   * Trains `model` in place, or brings back what an interrupted run had made of it. Where images are
   * held out, they choose the epoch that is kept.
   */
  train(
    phase: string,
    model: Model,
    objective: Objective,
    settings: TrainingSettings,
    options?: PhaseOptions,
  ): Promise<void>;
  /** Accuracy on the held-out images, 0..1; undefined where none are held out. */
  heldOutAccuracy(model: Model): Promise<number | undefined>;
  /** Shows a network that is worth measuring, for the record. What is found no defence learns. */
  present(stage: string, model: Model): Promise<void>;
  /** Puts a value on record under a name of its own. */
  note(name: string, value: unknown): Promise<void>;
}

/** A phase that trains a copy of the whole network with cross-entropy alone. */
export interface Finetuning {
  /** Its name. */
  readonly phase: string;
  /** The settings that it trains by. */
  readonly training: "training" | "teacherTraining";
}

/** A defence. */
export interface Defense {
  /** As `--defense` takes it. */
  readonly name: string;
  /** One line for help texts, with its source. */
  readonly description: string;
  /** Whether it trains on the clean images, which then must show every class. */
  readonly trains: boolean;
  /** The phase that finetunes a copy, where there is one; runs of equal settings may share it. */
  finetuning?(settings: Pick<DefenseSettings, "teacher">): Finetuning | undefined;
  /**
   * Cleans a network.
   *
   * @returns the cleaned network, one that the context has loaded.
   */
  run(context: DefenseContext): Promise<Model>;
}
