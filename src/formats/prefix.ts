/** Names as a network gives them, without what wrappers put before all of them. */

import type { StateDict } from "./host_tensor.ts";

/** The counter that `torch.optim.swa_utils.AveragedModel` keeps beside the network that it wraps. */
const AVERAGE_COUNTER = "n_averaged";

/** What all names begin with, up to and with a dot, slash or colon. */
function commonPrefix(names: readonly string[]): string {
  let prefix = names[0] ?? "";
  for (const name of names) {
    let same = 0;
    while (same < prefix.length && prefix[same] === name[same]) same++;
    prefix = prefix.slice(0, same);
  }
  return prefix.slice(0, 1 + Math.max(...[".", "/", ":"].map((end) => prefix.lastIndexOf(end))));
}

/**
 * Tensors without the prefix that all their names share, such as `module.` of `DataParallel`,
 * `_orig_mod.` of `torch.compile` or `model.` of Lightning, in any order and number, and without
 * the counter of an averaged model. A single tensor keeps its name.
 */
export function withoutPrefix(tensors: StateDict): StateDict {
  if (tensors.size < 2) return tensors;
  const names = [...tensors.keys()].filter((name) => name !== AVERAGE_COUNTER);
  const { length } = names.length < 2 ? "" : commonPrefix(names);
  return new Map(names.map((name) => [name.slice(length), tensors.get(name)!]));
}
