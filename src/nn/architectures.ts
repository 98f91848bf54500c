/** The registry of networks: which one a state is of, and which one a name stands for. */

import { ModelError, UsageError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { shown } from "../text/quoted.ts";
import type { Architecture } from "./architecture.ts";
import { denseNets } from "./families/densenet.ts";
import { mobileNetV2s } from "./families/mobilenet_v2.ts";
import { preactivatedResNets, smallImageResNets, torchvisionResNets } from "./families/resnet.ts";
import { vggs } from "./families/vgg.ts";
import type { Family } from "./family.ts";
import { withUnread } from "./unread.ts";
import { wideResNets } from "./wide_resnet.ts";

/** All families, in the order in which a state is tried. */
export const FAMILIES: readonly Family[] = [
  wideResNets,
  torchvisionResNets,
  smallImageResNets,
  preactivatedResNets,
  vggs,
  denseNets,
  mobileNetV2s,
];

/** The forms of all names, for help texts: `wrn-DEPTH-WIDTH`. */
export const ARCHITECTURE_NAMES = FAMILIES.map(({ pattern }) => pattern).join(" or ");

/** Names listed in an error message. */
const NAMES_SHOWN = 3;

/**
 * Every architecture whose state this may be, the usual one first.
 *
 * @param source Where the state came from, for messages.
 * @throws {ModelError} where there is none.
 */
export function matchingArchitectures(state: StateDict, source: string): readonly Architecture[] {
  const found = FAMILIES.flatMap((family) => family.match(state, source));
  if (found.length > 0) return found.map((architecture) => withUnread(architecture, state));
  const names = [...state.keys()].slice(0, NAMES_SHOWN).map(shown).join(", ") || "no tensors";
  throw new ModelError(
    `cannot tell the architecture of ${source}: found ${names}; expected ` +
      FAMILIES.map(({ expected }) => expected).join(", or "),
  );
}

/**
 * The architecture whose state this is; where several may be, the usual one.
 *
 * @throws {ModelError} where there is none.
 */
export function inferArchitecture(state: StateDict, source: string): Architecture {
  return matchingArchitectures(state, source)[0]!;
}

/**
 * The architecture of a name like `wrn-16-1`.
 *
 * @throws {UsageError} for any other text.
 */
export function namedArchitecture(name: string, classes: number): Architecture {
  for (const family of FAMILIES) {
    const found = family.named(name, classes);
    if (found) return found;
  }
  throw new UsageError(
    `cannot build architecture "${name}": expected ${ARCHITECTURE_NAMES}, for example ${
      FAMILIES[0]!.example
    }`,
  );
}

/**
 * The architectures that a state may be of: the one of that name, for as many classes as the state has,
 * or without a name all that it may be, the usual one first.
 *
 * @throws {ModelError} where there is none.
 * @throws {UsageError} where the name is none.
 */
export function architecturesOf(
  state: StateDict,
  source: string,
  name?: string,
): readonly Architecture[] {
  if (name === undefined) return matchingArchitectures(state, source);
  // Variants that differ in what only the images can tell have names that no family builds from.
  const variants = FAMILIES.flatMap((family) => family.match(state, source));
  const variant = variants.find((each) => each.name === name);
  if (variant) return [withUnread(variant, state)];
  const classes = FAMILIES.map((family) => family.classes(state)).find(Boolean);
  return classes
    ? [withUnread(namedArchitecture(name, classes), state)]
    : matchingArchitectures(state, source);
}

/** The first of {@linkcode architecturesOf}. */
export function architectureOf(state: StateDict, source: string, name?: string): Architecture {
  return architecturesOf(state, source, name)[0]!;
}
