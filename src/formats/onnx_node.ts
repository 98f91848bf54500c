/** The nodes of an ONNX graph (NodeProto) and their attributes. */

import { type OnnxTensor, readTensor } from "./onnx_tensor.ts";
import type { ProtobufCursor } from "./protobuf.ts";
import type { Refuse } from "./refusal.ts";
import { quoted } from "../text/quoted.ts";

/** A node's setting. */
export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: OnnxTensor }
  | { readonly kind: "ints"; readonly value: readonly bigint[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  /** A subgraph or another kind that no supported operator has; not read. */
  | { readonly kind: "other" };

/** One operation of the graph. */
export interface OnnxNode {
  /** May be empty. */
  readonly name: string;
  /** For example `Conv`; with a domain that is not ONNX's own, `domain::Operator`. */
  readonly operator: string;
  /** Names of values; empty where an optional input is left out. */
  readonly inputs: readonly string[];
  /** Names of values; empty where an optional output is left out. */
  readonly outputs: readonly string[];
  /** Settings by name. */
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
}

/**
 * Most messages, names and numbers of attributes in a file of `bytes`: each takes memory beside the
 * file. A graph without weights has about one for every 6 bytes, but is small.
 */
const maximumParts = (bytes: number) => 20_000 + bytes / 32;

/** Counts what takes memory, and refuses files that are nothing but small parts. */
export class PartBudget {
  #parts = 0;
  readonly #most: number;

  constructor(bytes: number, readonly refuse: Refuse) {
    this.#most = maximumParts(bytes);
  }

  /** One more part. */
  take(): void {
    if (++this.#parts > this.#most) {
      throw this.refuse(
        `more than ${Math.floor(this.#most)} parts`,
        "fewer for a file of its size",
      );
    }
  }
}

/** Reads one NodeProto. */
export function readNode(cursor: ProtobufCursor, budget: PartBudget): OnnxNode {
  budget.take();
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let name = "";
  let operator = "";
  let domain = "";
  while (cursor.next()) {
    if (cursor.field === 1 || cursor.field === 2) {
      budget.take();
      (cursor.field === 1 ? inputs : outputs).push(cursor.text());
    } else if (cursor.field === 3) name = cursor.text();
    else if (cursor.field === 4) operator = cursor.text();
    else if (cursor.field === 7) domain = cursor.text();
    else if (cursor.field === 5) {
      const [key, attribute] = readAttribute(cursor.message(), budget);
      if (attributes.has(key)) {
        throw cursor.refuse(`two attributes named ${quoted(key)}`, "one");
      }
      attributes.set(key, attribute);
    } else cursor.skip();
  }
  if (operator === "") throw cursor.refuse("a node without an operator", "its type");
  const own = domain === "" || domain === "ai.onnx";
  return { name, operator: own ? operator : `${domain}::${operator}`, inputs, outputs, attributes };
}

function readAttribute(cursor: ProtobufCursor, budget: PartBudget): [string, OnnxAttribute] {
  budget.take();
  let name = "";
  let type = 0;
  let float = 0;
  let int = 0n;
  let text = "";
  let tensor: OnnxTensor | undefined;
  const floats: number[] = [];
  const ints: bigint[] = [];
  const strings: string[] = [];
  while (cursor.next()) {
    const { field } = cursor;
    if (field === 1) name = cursor.text();
    else if (field === 2) float = cursor.float32();
    else if (field === 3) int = cursor.int64();
    else if (field === 4) text = cursor.text();
    else if (field === 5) {
      if (tensor) throw cursor.refuse("an attribute with two tensors", "one");
      tensor = readTensor(cursor.message(), `tensor of attribute ${quoted(name)}`);
    } else if (field === 7) readFloats(cursor, floats, budget);
    else if (field === 8) {
      cursor.integers((value) => {
        budget.take();
        ints.push(value);
      });
    } else if (field === 9) {
      budget.take();
      strings.push(cursor.text());
    } else if (field === 20) type = cursor.integer();
    else cursor.skip();
  }
  // Files of before 2017 state no type: then what is there tells.
  switch (type) {
    case 1:
      return [name, { kind: "float", value: float }];
    case 2:
      return [name, { kind: "int", value: int }];
    case 3:
      return [name, { kind: "string", value: text }];
    case 4:
      if (!tensor) throw cursor.refuse(`attribute ${quoted(name)} without its tensor`, "one");
      return [name, { kind: "tensor", value: tensor }];
    case 6:
      return [name, { kind: "floats", value: floats }];
    case 7:
      return [name, { kind: "ints", value: ints }];
    case 8:
      return [name, { kind: "strings", value: strings }];
    case 0:
      throw cursor.refuse(`attribute ${quoted(name)} without a type`, "its type");
    default:
      return [name, { kind: "other" }];
  }
}

function readFloats(cursor: ProtobufCursor, floats: number[], budget: PartBudget): void {
  const { start, end } = cursor.wire === "bytes" ? cursor.range() : cursor.fixed();
  const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset);
  if ((end - start) % 4 !== 0) {
    throw cursor.refuse(`${end - start} bytes of numbers at byte ${start}`, "a multiple of 4");
  }
  for (let at = start; at < end; at += 4) {
    budget.take();
    floats.push(view.getFloat32(at, true));
  }
}
