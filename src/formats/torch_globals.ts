/**
 * The classes and functions that a checkpoint is made of, and what stands in for them. For every
 * other, `os.system` and `builtins.eval` included, a call makes an object that is nothing but the
 * name and what the call was to take.
 */

import { checkShape, MAXIMUM_RANK } from "./elements.ts";
import type { HostDtype } from "./host_tensor.ts";
import {
  checkKey,
  describeValue,
  isGlobal,
  isObject,
  isStorage,
  isTensor,
  isTuple,
  type PickleDict,
  type PickleGlobal,
  type PickleObject,
  type PickleValue,
  type TorchStorage,
  type TorchTensor,
} from "./pickle_value.ts";
import type { Refuse } from "./refusal.ts";
import { lastIndex } from "./strided.ts";

/** Element types of PyTorch's storage classes, by name; {@link ./torch_write.ts} writes them. */
export const STORAGE_DTYPES: ReadonlyMap<string, HostDtype> = new Map<string, HostDtype>([
  ["torch.FloatStorage", "float32"],
  ["torch.DoubleStorage", "float64"],
  ["torch.HalfStorage", "float16"],
  ["torch.BFloat16Storage", "bfloat16"],
  ["torch.CharStorage", "int8"],
  ["torch.ShortStorage", "int16"],
  ["torch.IntStorage", "int32"],
  ["torch.LongStorage", "int64"],
  ["torch.ByteStorage", "uint8"],
  ["torch.BoolStorage", "bool"],
]);

/** What a call makes; undefined where that is not known. */
type Call = (args: readonly PickleValue[], refuse: Refuse) => PickleValue | undefined;

/** Longest name of a class or function; a stack would otherwise repeat one of megabytes. */
const MAXIMUM_NAME_CHARACTERS = 1024;

/** A natural number below 2^53, such as an offset. */
function natural(value: PickleValue | undefined, what: string, refuse: Refuse): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw refuse(
    value === undefined ? `no ${what}` : `a bad ${what} (${describeValue(value)})`,
    "a natural number",
  );
}

/** Numbers of a shape or of strides. */
function naturals(value: PickleValue | undefined, what: string, refuse: Refuse): number[] {
  const items = value === undefined ? undefined : Array.isArray(value) ? value : tupleItems(value);
  if (items === undefined || items.length > MAXIMUM_RANK) {
    throw refuse(`a tensor without valid ${what}`, `a tuple of at most ${MAXIMUM_RANK} numbers`);
  }
  return items.map((item) => natural(item, what, refuse));
}

function tupleItems(value: PickleValue): readonly PickleValue[] | undefined {
  return isTuple(value) ? value.items : undefined;
}

/**
 * `torch._utils._rebuild_tensor_v2(storage, storage_offset, size, stride, ...)`; over a storage
 * of a type that is not known that storage.
 */
function rebuildTensor(args: readonly PickleValue[], refuse: Refuse): TorchTensor | PickleObject {
  const [storage = null] = args;
  if (isObject(storage)) return storage;
  if (!isStorage(storage)) throw refuse(`a tensor over ${describeValue(storage)}`, "a storage");
  const offset = natural(args[1], "storage offset", refuse);
  const shape = naturals(args[2], "shape", refuse);
  const count = checkShape(shape, refuse);
  const strides = naturals(args[3], "strides", refuse);
  const last = offset + lastIndex(shape, strides);
  if (strides.length !== shape.length || (count > 0 && last >= storage.elements)) {
    throw refuse(
      `a tensor of shape [${shape.join(", ")}] and strides [${strides.join(", ")}] ` +
        `at element ${offset} of a storage of ${storage.elements}`,
      "one that lies inside its storage",
    );
  }
  return { kind: "tensor", storage, offset, shape, strides };
}

/** `torch._utils._rebuild_parameter(data, requires_grad, ...)`; what is no tensor is not known. */
function rebuildParameter([data = null]: readonly PickleValue[]): PickleValue | undefined {
  return isTensor(data) ? data : undefined;
}

/** Classes of tensors that add nothing to a tensor. */
const TENSOR_CLASSES: ReadonlySet<string> = new Set([
  "torch.Tensor",
  "torch._tensor.Tensor",
  "torch.nn.parameter.Parameter",
  "torch.nn.parameter.Buffer",
]);

const FROM_TYPE = "torch._tensor._rebuild_from_type_v2";

/**
 * `torch._tensor._rebuild_from_type_v2(function, class, arguments, attributes)`: a tensor with
 * attributes of its own, which carry no parameters.
 */
function rebuildFromType(
  [callee = null, type = null, args = null]: readonly PickleValue[],
  refuse: Refuse,
): PickleValue | undefined {
  // Never itself, which could be nested without end.
  const known = isGlobal(type) && TENSOR_CLASSES.has(type.name) && isGlobal(callee) &&
    callee.name !== FROM_TYPE;
  return known ? callGlobal(callee, args, refuse) : undefined;
}

/**
 * `OrderedDict()`, `OrderedDict([[key, value], ...])` of Python 2, and `Counter({...})`. A list is
 * emptied, for it is a temporary of the pickle: one that a hostile file used over and over would
 * otherwise be copied each time. A dictionary is shared for the same reason.
 */
function makeDictionary([items]: readonly PickleValue[], refuse: Refuse): PickleDict {
  if (items instanceof Map) return items;
  if (items !== undefined && !Array.isArray(items)) {
    throw refuse(`a dictionary made of ${describeValue(items)}`, "a list of pairs");
  }
  const dictionary: PickleDict = new Map();
  for (const pair of items?.splice(0) ?? []) {
    const [key, value] = (Array.isArray(pair) ? pair : tupleItems(pair)) ?? [];
    if (key === undefined || value === undefined) {
      throw refuse("a dictionary made of anything but pairs", "keys and values");
    }
    dictionary.set(checkKey(key, refuse), value);
  }
  return dictionary;
}

/** `torch.device("cuda", 0)`: where a tensor lay has no meaning here, its type will do. */
function deviceType([type = null]: readonly PickleValue[], refuse: Refuse): string {
  if (typeof type !== "string") throw refuse(`a device named ${describeValue(type)}`, "a string");
  return type;
}

const CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ["collections.OrderedDict", makeDictionary],
  ["collections.Counter", makeDictionary],
  // Its first argument makes what it lacks.
  ["collections.defaultdict", ([, ...items], refuse) => makeDictionary(items, refuse)],
  ["torch._utils._rebuild_tensor", rebuildTensor],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_parameter", rebuildParameter],
  ["torch._utils._rebuild_parameter_with_state", rebuildParameter],
  [FROM_TYPE, rebuildFromType],
  ["torch.Size", ([extents], refuse) => ({
    kind: "tuple",
    items: naturals(extents, "extents", refuse),
  })],
  ["torch.device", deviceType],
]);

/** The global `module.name`, known or not; throws what `refuse` makes for a name out of proportion. */
export function makeGlobal(module: string, name: string, refuse: Refuse): PickleGlobal {
  const characters = module.length + name.length;
  if (characters > MAXIMUM_NAME_CHARACTERS) {
    throw refuse(
      `a class or function whose name has ${characters} characters`,
      `at most ${MAXIMUM_NAME_CHARACTERS}`,
    );
  }
  return { kind: "global", name: `${module}.${name}` };
}

/**
 * What stands in for `callee(*args)`; throws what `refuse` makes where a value that is no class or
 * function is called, or a known one with arguments that it cannot take.
 */
export function callGlobal(callee: PickleValue, args: PickleValue, refuse: Refuse): PickleValue {
  if ((!isGlobal(callee) && !isObject(callee)) || !isTuple(args)) {
    throw refuse(`a call of ${describeValue(callee)}`, "a class or function and its arguments");
  }
  const call = isGlobal(callee) ? CALLS.get(callee.name) : undefined;
  return call?.(args.items, refuse) ?? { kind: "object", name: callee.name, made: args };
}

/**
 * What a persistent identifier stands for: a storage
 * `("storage", type, key, location, elements[, view])`, see `torch/serialization.py`, or the class of
 * a module in an old file, `("module", class, file, source)`. A storage of a type that is not known
 * is an object.
 */
export function persistent(
  id: PickleValue,
  refuse: Refuse,
): TorchStorage | PickleGlobal | PickleObject {
  const [tag, type = null, key, , elements, view] = tupleItems(id) ?? [];
  if (tag === "module" && isGlobal(type)) return type;
  if (tag !== "storage" || !isGlobal(type) || typeof key !== "string") {
    throw refuse("a reference to something outside the pickle", "a typed storage with a key");
  }
  const dtype = STORAGE_DTYPES.get(type.name);
  if (dtype === undefined) return { kind: "object", name: type.name, made: null };
  const size = natural(elements, "storage size", refuse);
  if (view === undefined || view === null) {
    return { kind: "storage", key, dtype, elements: size, firstElement: 0, rootElements: size };
  }
  const [, start, viewed] = tupleItems(view) ?? [];
  const firstElement = natural(start, "view offset", refuse);
  const viewElements = natural(viewed, "view size", refuse);
  if (firstElement + viewElements > size) {
    throw refuse(`a view of ${viewElements} elements at ${firstElement}`, `at most ${size}`);
  }
  return { kind: "storage", key, dtype, elements: viewElements, firstElement, rootElements: size };
}
