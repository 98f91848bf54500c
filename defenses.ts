/**
 * Defences: ways from a network that may carry a backdoor, and a few clean images, to a cleaned one.
 *
 * @module
 */

export { defend, type DefendHooks, type DefendRequest } from "./src/defenses/defend.ts";
export type {
  Defense,
  DefenseContext,
  DefenseSettings,
  DistillationSettings,
  Finetuning,
  PhaseOptions,
} from "./src/defenses/defense.ts";
export { DEFENSES, findDefense } from "./src/defenses/defenses.ts";
export { finePruning } from "./src/defenses/fine_pruning.ts";
export { finetune } from "./src/defenses/finetune.ts";
export { modeConnectivity } from "./src/defenses/mode_connectivity.ts";
export { nad } from "./src/defenses/nad.ts";
export {
  attentionDistillation,
  PAPER_DISTILLATION,
} from "./src/defenses/attention_distillation.ts";
export { type BetaRequest, l2Betas, tapBetas } from "./src/defenses/tap_betas.ts";
export { checkTaps } from "./src/defenses/check_taps.ts";
export {
  fitBatches,
  type Recipe,
  type RecipeName,
  RECIPES,
  recipeSettings,
  type RecipeUse,
} from "./src/defenses/recipes.ts";
