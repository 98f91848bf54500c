/** A model small enough for tests of commands: an untrained WRN-10-1 for the ten signs. */

import { BACKDOOR_KEY } from "../../src/attacks/backdoor.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";

/** Flags that make a run on a tiny model take seconds. */
export const TINY_DATA = ["--train-indices", "0:128", "--limit", "64"] as const;

/** Flags that make its training short. */
export const TINY_TRAINING = ["--batch-size", "32", "--epochs", "2"] as const;

/** Flags that make its erasure short, by the recipe that makes a teacher. */
export const TINY_ERASURE = [...TINY_TRAINING, "--recipe", "paper", "--no-audit"] as const;

/** The bytes of the model; `change` may do something to its state first. */
export function tinyModelBytes(
  options: { classes?: number; change?: (state: StateDict) => void } = {},
): Uint8Array<ArrayBuffer> {
  const state = initialState(wideResNet(10, 1, options.classes ?? 10), 1);
  options.change?.(state);
  const backdoor = {
    name: "badnets",
    target: { mode: "all2one", label: 7 },
    options: {},
    seed: 1,
  };
  return writeSafetensors(state, new Map([[BACKDOOR_KEY, JSON.stringify(backdoor)]]));
}

/** Writes the model into `folder` and returns its path. */
export async function writeTinyModel(folder: string): Promise<string> {
  const path = `${folder}/tiny.safetensors`;
  await Deno.writeFile(path, tinyModelBytes());
  return path;
}
