/**
 * The classes and functions that a checkpoint may name, and what stands in for them. Everything
 * else, `os.system` and `builtins.eval` included, is refused by name.
 */

import { quoted } from "../text/quoted.ts";
import { checkShape, MAXIMUM_RANK } from "./elements.ts";
import type { HostDtype } from "./host_tensor.ts";
import {
  describeValue,
  isGlobal,
  isStorage,
  isTensor,
  isTuple,
  type PickleDict,
  type PickleGlobal,
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

type Call = (args: readonly PickleValue[], refuse: Refuse) => PickleValue;

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

/** `torch._utils._rebuild_tensor_v2(storage, storage_offset, size, stride, ...)`. */
function rebuildTensor(args: readonly PickleValue[], refuse: Refuse): TorchTensor {
  const [storage = null] = args;
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

/** `torch._utils._rebuild_parameter(data, requires_grad, backward_hooks)`. */
function rebuildParameter([data = null]: readonly PickleValue[], refuse: Refuse): PickleValue {
  if (!isTensor(data)) throw refuse(`a parameter made of ${describeValue(data)}`, "a tensor");
  return data;
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
    const [key = [], value] = (Array.isArray(pair) ? pair : tupleItems(pair)) ?? [];
    if ((typeof key === "object" && key !== null) || value === undefined) {
      throw refuse("a dictionary made of anything but pairs", "keys and values");
    }
    dictionary.set(key, value);
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
  ["torch._utils._rebuild_tensor", rebuildTensor],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_parameter", rebuildParameter],
  ["torch.Size", ([extents], refuse) => ({
    kind: "tuple",
    items: naturals(extents, "extents", refuse),
  })],
  ["torch.device", deviceType],
]);

/** The global `module.name`; throws what `refuse` makes unless it is one of those above. */
export function knownGlobal(module: string, name: string, refuse: Refuse): PickleGlobal {
  const full = `${module}.${name}`;
  if (CALLS.has(full) || STORAGE_DTYPES.has(full)) return { kind: "global", name: full };
  throw refuse(
    `a reference to ${quoted(full)}`,
    "only tensors, containers and numbers; nothing in a checkpoint is ever executed, so save its " +
      "state_dict alone from a PyTorch in which you trust the file",
  );
}

/** What `callee(*args)` makes; throws what `refuse` makes where that is not a known call. */
export function callGlobal(callee: PickleValue, args: PickleValue, refuse: Refuse): PickleValue {
  const call = isGlobal(callee) ? CALLS.get(callee.name) : undefined;
  if (!call || !isTuple(args)) {
    throw refuse(`a call of ${describeValue(callee)}`, "a call that rebuilds a tensor");
  }
  return call(args.items, refuse);
}

/**
 * The storage that a persistent identifier names:
 * `("storage", type, key, location, elements[, view])`, see `torch/serialization.py`.
 */
export function storageReference(id: PickleValue, refuse: Refuse): TorchStorage {
  const [tag, type = null, key, , elements, view] = tupleItems(id) ?? [];
  const dtype = isGlobal(type) ? STORAGE_DTYPES.get(type.name) : undefined;
  if (tag !== "storage" || dtype === undefined || typeof key !== "string") {
    throw refuse("a reference to something outside the pickle", "a typed storage with a key");
  }
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
