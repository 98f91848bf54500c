/**
 * Backdoor attacks: triggers, poisoning, and what a model's file says was done to it.
 *
 * @module
 */

export type {
  Attack,
  Covers,
  PixelAttack,
  Preparation,
  PrepareHooks,
  PrepareRequest,
  TrainingRequest,
  TriggerRequest,
} from "./src/attacks/attack.ts";
export type { AttackOption } from "./src/attacks/options.ts";
export { ATTACKS, findAttack } from "./src/attacks/attacks.ts";
export { adapBlend } from "./src/attacks/adap_blend.ts";
export { badnets } from "./src/attacks/badnets.ts";
export { blend } from "./src/attacks/blend.ts";
export { bpp } from "./src/attacks/bpp.ts";
export { cleanLabel } from "./src/attacks/clean_label.ts";
export { ctrl } from "./src/attacks/ctrl.ts";
export { ftrojan } from "./src/attacks/ftrojan.ts";
export { refool } from "./src/attacks/refool.ts";
export { sig } from "./src/attacks/sig.ts";
export { tact } from "./src/attacks/tact.ts";
export { trojan } from "./src/attacks/trojan.ts";
export { wanet } from "./src/attacks/wanet.ts";
export {
  BACKDOOR_KEY,
  type BackdoorDescription,
  type BackdoorRequest,
  buildBackdoor,
  describedBackdoor,
  type NamedFile,
  readTriggerFiles,
  recordedBackdoor,
  targetOfBackdoor,
  trainingTriggers,
} from "./src/attacks/backdoor.ts";
export type { TrainingTriggers } from "./src/attacks/poisoned_set.ts";
export { poison, type Poisoning } from "./src/attacks/poison.ts";
export { implant, type ImplantHooks, type ImplantRequest } from "./src/attacks/implant.ts";
