/** Tensors of a file that a network does not read: kept beside it, and written out again. */

import type { HostTensor, StateDict } from "../formats/host_tensor.ts";
import type { Architecture, StateEntry } from "./architecture.ts";
import { convolutionOfBias, floats } from "./state.ts";

/** The module of the outermost level that a tensor belongs to. */
const topModule = (name: string) => name.split(".", 1)[0]!;

/** Whether this is the bias of a convolution of the network, and adds nothing. */
function isZeroBias(
  name: string,
  tensor: HostTensor,
  entries: ReadonlyMap<string, StateEntry>,
): boolean {
  const weight = convolutionOfBias(name, entries);
  return tensor.shape.join() === `${weight?.shape[0]}` &&
    floats(tensor).every((value) => value === 0);
}

/**
 * An architecture with the tensors of `state` that it does not read as constants that nothing reads:
 * those of modules that it does not have, and biases of zero. What belongs to one of its modules and
 * is unknown there is none of them, since the network would then compute something else.
 */
export function withUnread(architecture: Architecture, state: StateDict): Architecture {
  const entries = new Map(architecture.entries.map((entry) => [entry.name, entry]));
  const modules = new Set(architecture.entries.map(({ name }) => topModule(name)));
  const unread: StateEntry[] = [];
  for (const [name, tensor] of state) {
    if (entries.has(name)) continue;
    if (modules.has(topModule(name)) && !isZeroBias(name, tensor, entries)) continue;
    unread.push({ name, shape: tensor.shape, kind: "constant", unread: true });
  }
  if (unread.length === 0) return architecture;
  return { ...architecture, entries: [...architecture.entries, ...unread] };
}

/** Names of the tensors that a network keeps and does not read. */
export function unreadNames({ entries }: Architecture): string[] {
  return entries.filter(({ unread }) => unread).map(({ name }) => name);
}
