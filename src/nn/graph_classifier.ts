/** An ONNX file as an image classifier: its image input, its logits, any batch. */

import type { OnnxModel, OnnxValue } from "../formats/onnx.ts";
import { refusal } from "../formats/refusal.ts";
import { quoted } from "../text/quoted.ts";
import type { Graph } from "./graph.ts";
import { anyBatch } from "./graph_batch.ts";
import { buildGraph } from "./graph_build.ts";
import { findLogits } from "./graph_logits.ts";
import { simplified } from "./graph_simplify.ts";

/** Height and width of an image, pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** A classifier that came out of a file. */
export interface ImportedClassifier {
  /** From images (N,C,H,W) to logits (N,K). */
  readonly graph: Graph;
  /** Pixels of the images that it takes. */
  readonly size: ImageSize;
  /** What follows the logits in the file and is left out in training. */
  readonly cut: string | undefined;
}

/** Choices that a file may leave open. */
export interface ImportOptions {
  /** Used where the file leaves height and width free. */
  readonly size?: ImageSize | undefined;
  /** Name of the output with the classes, where there are several. */
  readonly output?: string | undefined;
}

/** Most channels that an image may have for its layout to be told from its extents. */
const MAXIMUM_CHANNELS = 4;

/** How the images of an input are laid out. */
interface ImageInput {
  readonly name: string;
  readonly batch: number | undefined;
  readonly channels: number;
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly layout: "NCHW" | "NHWC";
}

const fixed = (extent: number | string | undefined) =>
  typeof extent === "number" ? extent : undefined;

/** Whether all that is done first to an input is to bring its channels to the front. */
function startsWithTranspose(model: OnnxModel, name: string): boolean {
  const users = model.nodes.filter((node) => node.inputs.includes(name));
  return users.length > 0 && users.every(({ operator, attributes }) => {
    const permutation = attributes.get("perm");
    return operator === "Transpose" && permutation?.kind === "ints" &&
      permutation.value.join() === "0,3,1,2";
  });
}

function imageInput(model: OnnxModel): ImageInput {
  const refuse = refusal("ONNX file", model.source);
  const list = (inputs: readonly OnnxValue[]) =>
    inputs.map(({ name, shape }) => `${quoted(name)} [${shape?.join(", ") ?? "?"}]`).join(", ");
  const [input, ...others] = model.inputs;
  if (!input || others.length > 0) {
    throw refuse(`${model.inputs.length} inputs: ${list(model.inputs)}`, "one, the images");
  }
  const { name, shape, dtype } = input;
  if (shape?.length !== 4 || (dtype !== undefined && !/float/.test(dtype))) {
    throw refuse(
      `input ${list([input])} of ${dtype ?? "unknown type"}`,
      "images of four dimensions, real numbers",
    );
  }
  const [batch, second, third, last] = shape.map(fixed);
  const narrow = (extent: number | undefined) => extent !== undefined && extent <= MAXIMUM_CHANNELS;
  const nhwc = startsWithTranspose(model, name) || (narrow(last) && !narrow(second));
  const channels = nhwc ? last : second;
  if (channels === undefined) {
    throw refuse(`input ${list([input])} without a number of channels`, "one, for example 3");
  }
  return nhwc
    ? { name, batch, channels, height: second, width: third, layout: "NHWC" }
    : { name, batch, channels, height: third, width: last, layout: "NCHW" };
}

/** The outputs that could be classes: those of one row an image. */
function classOutput(graph: Graph, model: OnnxModel, wanted: string | undefined): number {
  const refuse = refusal("ONNX file", model.source);
  const names = model.outputs.map(({ name }) => name);
  if (wanted !== undefined) {
    const index = names.indexOf(wanted);
    if (index < 0) {
      throw refuse(`outputs ${names.map(quoted).join(", ")}`, `one named ${quoted(wanted)}`);
    }
    return graph.outputs[index]!;
  }
  const rows = graph.outputs.filter((output) => {
    const [batch, classes, ...rest] = graph.values[output]!.shape;
    return batch === "N" && typeof classes === "number" && rest.every((extent) => extent === 1);
  });
  const several = rows.filter((output) => Number(graph.values[output]!.shape[1]) > 1);
  const candidates = several.length > 0 ? several : rows;
  if (candidates.length === 1) return candidates[0]!;
  const shapes = graph.outputs.map((output, i) =>
    `${quoted(names[i]!)} [${graph.values[output]!.shape.join(", ")}]`
  );
  throw refuse(`outputs ${shapes.join(", ")}`, "one output (N, classes); name it with --output");
}

/**
 * Reads a classifier out of an ONNX model.
 *
 * @throws {FormatError} where the file holds anything that is not supported, does not say where its
 * images go in or its classes come out, or is frozen to one size of batch.
 */
export function importClassifier(
  model: OnnxModel,
  options: ImportOptions = {},
): ImportedClassifier {
  const refuse = refusal("ONNX file", model.source);
  const input = imageInput(model);
  const height = input.height ?? options.size?.height;
  const width = input.width ?? options.size?.width;
  if (height === undefined || width === undefined) {
    throw refuse("images of any height and width", "a size; give one with --size");
  }
  try {
    const whole = anyBatch((images) =>
      buildGraph(model, {
        shapes: new Map([[input.name, [images, input.channels, height, width]]]),
        layout: input.layout,
        batch: { declared: input.batch, actual: images },
      })
    );
    const { graph, cut } = findLogits(whole, classOutput(whole, model, options.output));
    return { graph: simplified(graph), size: { height, width }, cut };
  } catch (error) {
    // What graphs throw says what was found and expected.
    if (!(error instanceof RangeError)) throw error;
    const [, found = error.message, expected = "a classifier"] =
      /^found (.*), expected (.*)$/s.exec(error.message) ?? [];
    throw refuse(found, expected);
  }
}
