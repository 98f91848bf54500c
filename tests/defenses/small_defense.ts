/** A defence of the small network of the tests of training. */

import { DEFENSES } from "../../src/defenses/defenses.ts";
import { defend, type DefendHooks, type DefendRequest } from "../../src/defenses/defend.ts";
import type { DefenseSettings } from "../../src/defenses/defense.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { RECIPES, recipeSettings } from "../../src/defenses/recipes.ts";
import type { Evaluation } from "../../src/train/evaluate.ts";
import { gpu } from "../gpu/device.ts";
import { CLASSES, SMALL_SETTINGS, smallImages } from "../train/small.ts";

/** Settings of two short epochs. */
export const SMALL_DEFENSE: DefenseSettings = {
  ...recipeSettings(RECIPES.paper, {
    images: 64,
    preprocessing: SMALL_SETTINGS.preprocessing,
    flip: false,
    seed: 1,
  }),
  training: { ...SMALL_SETTINGS, epochs: 2 },
  teacherTraining: { ...SMALL_SETTINGS, epochs: 2 },
  teacherFloor: 100,
};

/** An untrained network. */
export function smallStudent(seed: number, classes = CLASSES): DefendRequest["student"] {
  const architecture = wideResNet(10, 1, classes);
  return { architecture, state: initialState(architecture, seed), source: `network ${seed}` };
}

/** What a defence came to, with everything that it told. */
export interface Defended {
  readonly state: StateDict;
  readonly evaluations: ReadonlyMap<string, Evaluation>;
  readonly notes: ReadonlyMap<string, unknown>;
  readonly phases: readonly string[];
}

/** Runs the defence `name`. */
export async function defendSmall(
  name: string,
  request: Partial<Omit<DefendRequest, "settings">> & { settings?: Partial<DefenseSettings> } = {},
  hooks: DefendHooks = {},
  device: Gpu = gpu,
): Promise<Defended> {
  const evaluations = new Map<string, Evaluation>();
  const notes = new Map<string, unknown>();
  const phases: string[] = [];
  const { preprocessing } = SMALL_SETTINGS;
  const state = await defend(device, {
    defense: DEFENSES.find((defense) => defense.name === name)!,
    student: smallStudent(1),
    clean: smallImages(64, 3),
    heldOut: smallImages(32, 5),
    measurement: { test: smallImages(48, 7), preprocessing },
    ...request,
    settings: { ...SMALL_DEFENSE, ...request.settings },
  }, {
    ...hooks,
    onEvaluated: (stage, evaluation) => Promise.resolve(void evaluations.set(stage, evaluation)),
    onNote: (name, value) => Promise.resolve(void notes.set(name, value)),
    onTrained: async (phase, state) => {
      phases.push(phase);
      await hooks.onTrained?.(phase, state);
    },
  });
  return { state, evaluations, notes, phases };
}
