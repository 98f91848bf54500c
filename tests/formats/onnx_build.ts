/** A tiny writer of ONNX files, so that tests can make sound ones and broken ones. */

/** Bytes of a varint. */
export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

/** A field that holds an integer. */
export const int = (field: number, value: number | bigint): number[] => [
  ...varint(field << 3),
  ...varint(value),
];

/** A field that holds text, or bytes as they are. */
export function bytes(field: number, value: string | Iterable<number>): number[] {
  const contents = typeof value === "string" ? [...new TextEncoder().encode(value)] : [...value];
  return [...varint(field << 3 | 2), ...varint(contents.length), ...contents];
}

/** A field that holds a message of these fields. */
export const message = (field: number, ...fields: readonly number[][]): number[] =>
  bytes(field, fields.flat());

/** Little-endian bytes of numbers. */
export const float32 = (...values: number[]): number[] => [
  ...new Uint8Array(Float32Array.from(values).buffer),
];

/** An attribute of a node, by its value's kind. */
export function attribute(name: string, value: number | string | readonly number[]): number[] {
  if (typeof value === "string") {
    return message(5, bytes(1, name), bytes(4, value), int(20, 3));
  }
  if (typeof value !== "number") {
    return message(5, bytes(1, name), ...value.map((each) => int(8, each)), int(20, 7));
  }
  if (Number.isInteger(value)) return message(5, bytes(1, name), int(3, value), int(20, 2));
  return message(5, bytes(1, name), [2 << 3 | 5, ...float32(value)], int(20, 1));
}

/** A node of the graph. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...attributes: readonly number[][]
): number[] {
  return message(
    1,
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(3, `${operator} of ${outputs[0]}`),
    bytes(4, operator),
    ...attributes,
  );
}

/** The fields of a float32 tensor with raw data. */
export const tensorFields = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): number[][] => [
  ...shape.map((extent) => int(1, extent)),
  int(2, 1),
  bytes(8, name),
  bytes(9, float32(...values)),
];

/** The fields of an int64 tensor, as varints. */
export const longFields = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): number[][] => [
  ...shape.map((extent) => int(1, extent)),
  int(2, 7),
  bytes(7, values.flatMap((value) => varint(value))),
  bytes(8, name),
];

/** A float32 initializer. */
export const initializer = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): number[] => message(5, ...tensorFields(name, shape, values));

/** An int64 initializer. */
export const longInitializer = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): number[] => message(5, ...longFields(name, shape, values));

/** A float32 input (field 11) or output (field 12); text is a free dimension. */
export const value = (
  field: 11 | 12,
  name: string,
  shape: readonly (number | string)[],
): number[] =>
  message(
    field,
    bytes(1, name),
    message(
      2,
      message(
        1,
        int(1, 1),
        message(
          2,
          ...shape.map((extent) =>
            message(1, typeof extent === "number" ? int(1, extent) : bytes(2, extent))
          ),
        ),
      ),
    ),
  );

/** A whole file around the fields of a graph. */
export const onnxFile = (
  opset: number,
  ...graph: readonly number[][]
): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([
    ...int(1, 8),
    ...bytes(2, "test"),
    ...message(7, ...graph, bytes(2, "graph")),
    ...message(8, bytes(1, ""), int(2, opset)),
  ]);
