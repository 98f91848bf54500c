/**
 * What a pickle of a PyTorch checkpoint can hold: containers, numbers, strings, tensors that are
 * still only a description of a view into a storage, and objects of which no more is known than
 * what they would have been made of.
 */

import { quoted } from "../text/quoted.ts";
import type { HostDtype } from "./host_tensor.ts";
import type { Refuse } from "./refusal.ts";

/** A tuple; kept apart from lists because only tuples can be keys of a dictionary. */
export interface PickleTuple {
  readonly kind: "tuple";
  readonly items: readonly PickleValue[];
}

/** The name of a class or function, such as `torch.FloatStorage`; nothing is behind it. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/**
 * An object of a class that is not known here: a NumPy array, a date, a trained model. It was not
 * made, and what the pickle goes on to do to it is left undone.
 */
export interface PickleObject {
  readonly kind: "object";
  /** Of the class, or of the function that would have made it. */
  readonly name: string;
  /** What the call was to take. */
  readonly made: PickleValue;
}

/** Flat memory that tensors view; its bytes lie outside the pickle, under `key`. */
export interface TorchStorage {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: HostDtype;
  /** Elements of this storage. */
  readonly elements: number;
  /** First element under `key` that belongs to this storage; not 0 only in old legacy files. */
  readonly firstElement: number;
  /** Elements under `key`; more than `elements` only in old legacy files. */
  readonly rootElements: number;
}

/** A view into a storage: offset and strides count elements. */
export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A dictionary, ordered or not, in order of insertion. Tuples as keys compare by identity. */
export type PickleDict = Map<PickleValue, PickleValue>;

/** Anything on the unpickler's stack: `None` is null, an integer beyond 2^53 a bigint. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | Set<PickleValue>
  | PickleTuple
  | PickleGlobal
  | PickleObject
  | TorchStorage
  | TorchTensor;

/** True of tuples. */
export function isTuple(value: PickleValue): value is PickleTuple {
  return isTagged(value) && value.kind === "tuple";
}

/** True of tensors. */
export function isTensor(value: PickleValue): value is TorchTensor {
  return isTagged(value) && value.kind === "tensor";
}

/** True of objects of unknown classes. */
export function isObject(value: PickleValue): value is PickleObject {
  return isTagged(value) && value.kind === "object";
}

/** True of storages. */
export function isStorage(value: PickleValue): value is TorchStorage {
  return isTagged(value) && value.kind === "storage";
}

/** True of names of classes and functions. */
export function isGlobal(value: PickleValue): value is PickleGlobal {
  return isTagged(value) && value.kind === "global";
}

function isTagged(
  value: PickleValue,
): value is PickleTuple | PickleGlobal | PickleObject | TorchStorage | TorchTensor {
  return typeof value === "object" && value !== null && "kind" in value;
}

/** Returns `key` if Python could hash it; throws what `refuse` makes for lists and dictionaries. */
export function checkKey(key: PickleValue, refuse: Refuse): PickleValue {
  if (!Array.isArray(key) && !(key instanceof Map)) return key;
  throw refuse(`${describeValue(key)} as a key`, "a string, a number or a tuple");
}

/** What kind of thing a value is, in Python's words, for messages. */
export function describeValue(value: PickleValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return "a bool";
  if (typeof value === "number" || typeof value === "bigint") return "a number";
  if (typeof value === "string") return "a string";
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map) return "a dictionary";
  if (value instanceof Set) return "a set";
  if (value.kind === "object") return `an object of ${quoted(value.name)}`;
  return value.kind === "global" ? quoted(value.name) : `a ${value.kind}`;
}
