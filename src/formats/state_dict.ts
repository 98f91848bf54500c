/** Which of the dictionaries of a pickle is the network's state. */

import { quoted } from "../text/quoted.ts";
import { describeValue, isObject, isStorage, isTensor, isTuple } from "./pickle_value.ts";
import type { PickleDict, PickleValue } from "./pickle_value.ts";
import type { Refuse } from "./refusal.ts";

/** Keys under which training scripts keep the state dict, most specific first. */
const STATE_DICT_KEYS = ["state_dict", "model_state_dict", "net", "model"];

/** Keys that a message lists. */
const KEYS_SHOWN = 8;

/** A dictionary that holds tensors under names. */
interface Candidate {
  readonly state: PickleDict;
  /** Keys on the way to it, joined by dots; empty for the pickle itself. */
  readonly path: string;
  /** The last of them. */
  readonly key: PickleValue;
  readonly depth: number;
}

/** The values inside a container, with their keys. */
function entriesOf(value: PickleValue): Iterable<readonly [PickleValue, PickleValue]> {
  if (value instanceof Map) return value;
  if (Array.isArray(value)) return value.entries();
  return isTuple(value) ? value.items.entries() : [];
}

/** All candidates, those nearest to the root first. Containers are entered once each. */
function candidatesIn(root: PickleValue): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<PickleValue>();
  let level = [{ value: root, path: "", key: null as PickleValue }];
  for (let depth = 0; level.length > 0; depth++) {
    const next: typeof level = [];
    for (const { value, path, key } of level) {
      if (seen.has(value)) continue;
      seen.add(value);
      let holdsTensors = false;
      for (const [inner, child] of entriesOf(value)) {
        if (typeof inner === "string" && isTensor(child)) holdsTensors = true;
        if (child instanceof Map || Array.isArray(child) || isTuple(child)) {
          const step = typeof inner === "object" ? describeValue(inner) : String(inner);
          next.push({ value: child, path: path === "" ? step : `${path}.${step}`, key: inner });
        }
      }
      if (holdsTensors && value instanceof Map) found.push({ state: value, path, key, depth });
    }
    level = next;
  }
  return found;
}

/** Whether a dictionary holds weights of layers, and not only counters, averages or buffers. */
function holdsWeights(state: PickleDict): boolean {
  for (const [name, value] of state) {
    if (typeof name === "string" && /(^|\.)weight$/.test(name) && isTensor(value)) return true;
  }
  return false;
}

function listed<T>(items: Iterable<T>, count: number, textOf: (item: T) => string): string {
  const shown = Iterator.from(items).take(KEYS_SHOWN).map(textOf).toArray().join(", ");
  return count > KEYS_SHOWN ? `${shown} and ${count - KEYS_SHOWN} more` : shown || "(none)";
}

function pathsOf(candidates: readonly Candidate[]): string {
  return listed(candidates, candidates.length, ({ path }) => quoted(path));
}

/** The only candidate that lies under `key` nearest to the root. */
function nearestUnder(key: string, candidates: readonly Candidate[]): Candidate | undefined {
  const [first, second] = candidates.filter((candidate) => candidate.key === key);
  return first?.depth === second?.depth ? undefined : first;
}

/**
 * The state dict of an unpickled checkpoint: the dictionary under `key` (keys joined by dots), or
 * the one that holds weights under names, wherever it lies. Where several do, one under
 * `state_dict`, `model_state_dict`, `net` or `model`, or else the checkpoint itself. Throws what
 * `refuse` makes where there is none or the choice is open.
 */
export function findStateDict(
  root: PickleValue,
  key: string | undefined,
  refuse: Refuse,
): PickleDict {
  const all = candidatesIn(root);
  if (key !== undefined) {
    const named = all.find(({ path }) => path === key);
    if (named) return named.state;
    throw refuse(
      `no dictionary of tensors under the key ${quoted(key)}`,
      `one of ${pathsOf(all)}`,
    );
  }
  const weights = all.filter(({ state }) => holdsWeights(state));
  const candidates = weights.length > 0 ? weights : all;
  const [first, second] = candidates;
  if (!first) {
    const found = root instanceof Map
      ? `no tensors in a dictionary with the keys ${listed(root, root.size, entryText)}`
      : `${root === null ? "None" : describeValue(root)} and no tensors under names`;
    throw refuse(found, "a state dict, bare or in a dictionary: save the model's state_dict()");
  }
  if (!second) return first.state;
  for (const usual of STATE_DICT_KEYS) {
    const named = nearestUnder(usual, candidates);
    if (named) return named.state;
  }
  if (first.depth === 0) return first.state;
  throw refuse(
    `several dictionaries of tensors, under the keys ${pathsOf(candidates)}`,
    "one, or its key",
  );
}

function entryText([key, value]: readonly [PickleValue, PickleValue]): string {
  const name = quoted(typeof key === "object" ? describeValue(key) : String(key));
  return isObject(value) ? `${name} (${describeValue(value)})` : name;
}

/** Tells whether an object of an unknown class was to be made of a tensor; walks each value once. */
export function tensorFinder(): (value: PickleValue) => boolean {
  const known = new Map<PickleValue, boolean>();
  return (value) => {
    const open = [value];
    let found = false;
    for (let inner = open.pop(); inner !== undefined && !found; inner = open.pop()) {
      if (typeof inner !== "object" || inner === null) continue;
      if (known.has(inner)) {
        found ||= known.get(inner)!;
        continue;
      }
      known.set(inner, false);
      // Only a storage of an unknown type is made of nothing.
      found = isTensor(inner) || isStorage(inner) || (isObject(inner) && inner.made === null);
      if (isObject(inner)) open.push(inner.made);
      for (const [, child] of entriesOf(inner)) open.push(child);
    }
    if (found) known.set(value, true);
    return found;
  };
}
