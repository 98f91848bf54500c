/**
 * Tensors of ONNX files (TensorProto): where their elements lie, without a copy of them, and how to
 * get the elements.
 */

import { checkShape, ELEMENT_BYTES } from "./elements.ts";
import type { HostDtype } from "./host_tensor.ts";
import { externalData } from "./onnx_external.ts";
import type { ByteRange, ProtobufCursor } from "./protobuf.ts";
import type { Refuse } from "./refusal.ts";
import { quoted } from "../text/quoted.ts";

/** ONNX's `TensorProto.DataType` numbers of the types that can be read. */
const DTYPES: ReadonlyMap<number, HostDtype> = new Map([
  [1, "float32"],
  [2, "uint8"],
  [3, "int8"],
  [5, "int16"],
  [6, "int32"],
  [7, "int64"],
  [9, "bool"],
  [10, "float16"],
  [11, "float64"],
  [16, "bfloat16"],
]);

/** Names of the types that cannot, for messages. */
const REFUSED_DTYPES: ReadonlyMap<number, string> = new Map([
  [0, "undefined"],
  [4, "uint16"],
  [8, "string"],
  [12, "uint32"],
  [13, "uint64"],
  [14, "complex64"],
  [15, "complex128"],
]);

/** An element type by ONNX's number; throws what `refuse` makes for those that cannot be read. */
export function onnxDtype(number: number, what: string, refuse: Refuse): HostDtype {
  const dtype = DTYPES.get(number);
  if (dtype) return dtype;
  const name = REFUSED_DTYPES.get(number) ?? `number ${number}`;
  throw refuse(`${what} of element type ${name}`, `one of ${[...DTYPES.values()].join(", ")}`);
}

/** Elements of equal size at equal distances: unpacked fields have a key before each. */
export interface ElementRun {
  /** First byte. */
  readonly start: number;
  /** Number of elements. */
  readonly count: number;
  /** Bytes from one element to the next. */
  readonly stride: number;
}

/** Where the elements of a tensor are. */
export type OnnxData =
  /** Fixed-size elements, which new values can overwrite. */
  | {
    readonly kind: "runs";
    /** Name of a file in the model's folder; empty for the model's own. */
    readonly file: string;
    readonly runs: readonly ElementRun[];
    readonly elementBytes: number;
  }
  /** Variable-length integers in fields of number `field`; they cannot be overwritten. */
  | { readonly kind: "integers"; readonly range: ByteRange; readonly field: number };

/** A dense tensor of the file. */
export interface OnnxTensor {
  /** Unique among the tensors of a graph; may be empty in an attribute. */
  readonly name: string;
  /** Element type in the file. */
  readonly dtype: HostDtype;
  /** Extents; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** Where its elements are. */
  readonly data: OnnxData;
}

/** Field numbers of TensorProto. */
const FIELD = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const;

/** Element types that each typed field may hold. */
const TYPED: ReadonlyMap<number, readonly HostDtype[]> = new Map([
  [FIELD.floatData, ["float32"]],
  [FIELD.doubleData, ["float64"]],
  [FIELD.int64Data, ["int64"]],
  [FIELD.int32Data, ["int32", "int16", "int8", "uint8", "bool", "float16", "bfloat16"]],
]);

/** Most pieces that one tensor's elements may lie in; writers make one. */
const MAXIMUM_RUNS = 16;

/** Most entries of external_data; ONNX defines five. */
const MAXIMUM_EXTERNAL_ENTRIES = 16;

/** Collects the places of elements as the fields of a tensor go by. */
class Elements {
  readonly runs: ElementRun[] = [];
  field = 0;
  elementBytes = 1;
  integers: ByteRange | undefined;
  count = 0;

  constructor(readonly refuse: Refuse) {}

  /** Elements come in one field only, so that none can be shadowed by another. */
  enter(field: number): void {
    if (this.field !== 0 && (this.field !== field || field === FIELD.rawData)) {
      throw this.refuse("a tensor with its elements in two places", "one of them");
    }
    this.field = field;
  }

  add({ start, end }: ByteRange): void {
    const count = (end - start) / this.elementBytes;
    if (!Number.isInteger(count)) {
      throw this.refuse(
        `${end - start} bytes of tensor elements at byte ${start}`,
        `a multiple of ${this.elementBytes}`,
      );
    }
    this.count += count;
    const last = this.runs.at(-1);
    // A single element that follows at the distance of the ones before belongs to their run.
    if (last && count === 1 && this.#follows(last, start)) {
      const stride = start - (last.start + (last.count - 1) * last.stride);
      this.runs[this.runs.length - 1] = { ...last, count: last.count + 1, stride };
      return;
    }
    if (this.runs.length >= MAXIMUM_RUNS) {
      throw this.refuse(`a tensor in more than ${MAXIMUM_RUNS} pieces`, "fewer");
    }
    if (count > 0) this.runs.push({ start, count, stride: this.elementBytes });
  }

  #follows(run: ElementRun, start: number): boolean {
    const distance = start - (run.start + (run.count - 1) * run.stride);
    return distance > 0 && (run.count === 1 || distance === run.stride);
  }
}

/** Reads one TensorProto; `what` names it in messages until its own name is known. */
export function readTensor(cursor: ProtobufCursor, what: string): OnnxTensor {
  const { refuse } = cursor;
  const dims: number[] = [];
  let name: string | undefined;
  let type: number | undefined;
  let location = 0;
  const external = new Map<string, string>();
  const elements = new Elements(refuse);
  while (cursor.next()) {
    const { field } = cursor;
    if (field === FIELD.dims) {
      cursor.integers((extent) => {
        dims.push(Number(extent));
        checkShape(dims, refuse);
      });
    } else if (field === FIELD.dataType) {
      type = cursor.integer();
    } else if (field === FIELD.name) {
      if (name !== undefined) throw refuse(`a second name of tensor ${quoted(name)}`, "one");
      name = cursor.text();
    } else if (field === FIELD.rawData) {
      elements.enter(field);
      elements.add(cursor.range());
    } else if (field === FIELD.floatData || field === FIELD.doubleData) {
      elements.enter(field);
      elements.elementBytes = field === FIELD.floatData ? 4 : 8;
      const single = field === FIELD.floatData ? "fixed32" : "fixed64";
      elements.add(cursor.wire === single ? cursor.fixed() : cursor.range());
    } else if (field === FIELD.int32Data || field === FIELD.int64Data) {
      elements.enter(field);
      // The whole stretch is kept and decoded when it is wanted, see `onnxElements`.
      const start = elements.integers?.start ?? cursor.fieldStart;
      cursor.integers(() => elements.count++);
      elements.integers = { start, end: cursor.position };
    } else if (field === FIELD.externalData) {
      const [key, value] = readEntry(cursor.message());
      external.set(key, value);
      if (external.size > MAXIMUM_EXTERNAL_ENTRIES) {
        throw refuse(`more than ${MAXIMUM_EXTERNAL_ENTRIES} entries of external data`, "fewer");
      }
    } else if (field === FIELD.dataLocation) {
      location = cursor.integer();
    } else if (
      field === FIELD.stringData || field === FIELD.uint64Data || field === FIELD.segment
    ) {
      throw refuse(`${what} of text, 64-bit unsigned numbers or in segments`, "a dense tensor");
    } else {
      cursor.skip();
    }
  }
  const title = name ? `tensor ${quoted(name)}` : what;
  const dtype = onnxDtype(type ?? 0, title, refuse);
  const count = checkShape(dims, refuse);
  const tensor = (data: OnnxData): OnnxTensor => ({ name: name ?? "", dtype, shape: dims, data });
  if (location === 1) {
    if (elements.field !== 0) throw refuse(`${title} both inside and outside the file`, "one");
    const elementBytes = ELEMENT_BYTES[dtype];
    const { file, start } = externalData(external, count * elementBytes, title, refuse);
    const runs = [{ start, count, stride: elementBytes }];
    return tensor({ kind: "runs", file, runs, elementBytes });
  }
  if (elements.field === FIELD.rawData) {
    const bytes = elements.count;
    if (bytes !== count * ELEMENT_BYTES[dtype]) {
      throw refuse(
        `${bytes} bytes for ${title} of shape [${dims.join(", ")}]`,
        `${count * ELEMENT_BYTES[dtype]}`,
      );
    }
    const { start } = elements.runs[0] ?? { start: 0 };
    const size = ELEMENT_BYTES[dtype];
    const runs = [{ start, count, stride: size }];
    return tensor({ kind: "runs", file: "", runs, elementBytes: size });
  }
  const allowed = TYPED.get(elements.field);
  if (allowed && !allowed.includes(dtype)) {
    throw refuse(`${title} of type ${dtype} in a field for ${allowed.join(", ")}`, "its own field");
  }
  if (elements.count !== count) {
    throw refuse(
      `${elements.count} elements for ${title} of shape [${dims.join(", ")}]`,
      `${count}`,
    );
  }
  if (elements.integers) {
    return tensor({ kind: "integers", range: elements.integers, field: elements.field });
  }
  const { runs } = elements;
  return tensor({ kind: "runs", file: "", runs, elementBytes: ELEMENT_BYTES[dtype] });
}

/** A StringStringEntry: key and value. */
export function readEntry(cursor: ProtobufCursor): [key: string, value: string] {
  let key = "";
  let value = "";
  while (cursor.next()) {
    if (cursor.field === 1) key = cursor.text();
    else if (cursor.field === 2) value = cursor.text();
    else cursor.skip();
  }
  return [key, value];
}
