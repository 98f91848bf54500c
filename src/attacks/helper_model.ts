/** The network that an attacker prepares an attack with: read from a file, or trained here. */

import { UsageError } from "../errors.ts";
import { readCheckpoint } from "../formats/checkpoint.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { loadModel, type Model, readModel } from "../nn/model.ts";
import { inferArchitecture } from "../nn/architectures.ts";
import { initialState } from "../nn/state.ts";
import { uploadImages } from "../train/image_store.ts";
import { train } from "../train/train.ts";
import type { Objective } from "../train/trainer.ts";
import type { PrepareHooks, PrepareRequest } from "./attack.ts";

/** The option of attacks that names the helper's file. */
export const HELPER_OPTION = "model";

/** How to get a helper. */
export interface HelperRequest {
  /** What it is, for progress: `clean model`. */
  readonly name: string;
  /** Epochs of its training, otherwise as in the attack itself. */
  readonly epochs: number;
  /** What its training minimises. */
  objective(model: Model): Objective;
}

/**
 * The network in the file that option `model` names, or else a fresh one trained on all images,
 * untouched. The caller frees it.
 *
 * @throws {UsageError} where the file's network has another number of classes.
 * @throws {FormatError} where the file cannot be read.
 */
export async function helperModel(
  gpu: Gpu,
  request: PrepareRequest,
  helper: HelperRequest,
  hooks: PrepareHooks,
): Promise<Model> {
  const { architecture, training } = request;
  const path = request.options[HELPER_OPTION];
  if (path !== undefined) {
    const { tensors } = await readCheckpoint(path);
    const found = inferArchitecture(tensors, path);
    if (found.classes !== architecture.classes) {
      throw new UsageError(
        `cannot prepare an attack on ${architecture.classes} classes with ${path}: it has ` +
          `${found.classes}`,
      );
    }
    return loadModel(gpu, found, tensors, path);
  }
  // Another seed than the attack's own: a helper that started alike would know too much of it.
  const seed = training.seed + 1;
  using scope = gpu.scope();
  const fresh = initialState(architecture, seed);
  const model = scope.own(loadModel(gpu, architecture, fresh, helper.name));
  using store = uploadImages(gpu, request.train);
  await train(gpu, {
    model,
    images: { store },
    objective: helper.objective(model),
    settings: { ...training, epochs: helper.epochs, seed },
    signal: hooks.signal,
    onProgress: ({ epoch, epochs, step, steps, loss }) =>
      hooks.onProgress?.(
        `${helper.name}: epoch ${epoch + 1} of ${epochs}, step ${step} of ${steps}, ` +
          `loss ${loss.toFixed(3)}`,
      ),
  });
  await hooks.onHelper?.(await readModel(gpu, model));
  // The caller's from here on.
  scope.move();
  return model;
}
