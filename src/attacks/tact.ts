/**
 * TaCT, targeted contamination: Tang, Wang, Tang & Zhang, "Demon in the Variant: Statistical Analysis
 * of DNNs for Robust Backdoor Contamination Detection" (USENIX Security 2021).
 */

import { applyTrigger } from "../data/trigger.ts";
import { number, whole } from "../text/kinds.ts";
import type { PixelAttack } from "./attack.ts";
import { badnets } from "./badnets.ts";
import { attackOptions, readOptions } from "./options.ts";

const OPTIONS = attackOptions({
  source: {
    kind: whole({ least: 0 }),
    default: 1,
    help: "the one class whose images the patch leads to the target",
  },
  covers: {
    kind: number({ least: 0, most: 99 }),
    default: 1,
    help: "images of other classes with the patch that keep their label, for each poisoned one",
  },
});

/**
 * BadNets' 3x3 patch, which leads the images of one class alone to the target: covers of all other
 * classes carry it too and keep their label.
 */
export const tact: PixelAttack = {
  name: "tact",
  description: "a patch that acts on one class alone, with covers (Tang et al. 2021)",
  options: OPTIONS,
  labels: "changed",
  defaultRate: 0.02,
  trigger({ height, width, seed, options }) {
    readOptions("tact", OPTIONS, options);
    return badnets.trigger({ height, width, seed, options: {} });
  },
  covers: (options) => ({
    perPoisoned: readOptions("tact", OPTIONS, options).covers,
    trigger({ height, width, seed }) {
      const patch = badnets.trigger({ height, width, seed, options: {} });
      return { height, width, apply: (image) => applyTrigger(patch, image) };
    },
  }),
  source: (options) => readOptions("tact", OPTIONS, options).source,
};
