/** The six networks of `../shared/golden/families`: what is known of them. */

import { namedTensors, type OnnxModel, readOnnx } from "../../src/formats/onnx.ts";
import { onnxElements } from "../../src/formats/onnx_elements.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import { readNpz } from "../../src/formats/npz.ts";
import { refusal } from "../../src/formats/refusal.ts";
import { floats } from "../../src/nn/state.ts";
import { shared } from "../shared.ts";

/** Names of the networks. */
export const FAMILIES = [
  "resnet18_cifar",
  "preact_resnet18",
  "vgg16_bn_cifar",
  "mobilenet_v2_cifar",
  "densenet_small",
  "mixed_ops",
] as const;

/** How a network was exported: batch norms folded away, in training mode, or kept. */
export const KINDS = ["folded", "training", "evaluation"] as const;

/** Where the goldens are, or `undefined`. */
export const goldens = shared("golden/families/");

/** Inputs, outputs and the state after a step, from PyTorch in float64. */
export async function readGolden(name: string): Promise<StateDict> {
  return readNpz(await Deno.readFile(new URL(`${name}.npz`, goldens)), name);
}

/** One of the network's three ONNX files. */
export async function readExport(name: string, kind: string): Promise<OnnxModel> {
  const file = `${name}.${kind}.onnx`;
  return readOnnx(await Deno.readFile(new URL(`onnx/${file}`, goldens)), file);
}

/** The elements of a model's tensors, by name. */
export function stateOf(model: OnnxModel): (name: string) => Float32Array<ArrayBuffer> {
  const tensors = namedTensors(model);
  const refuse = refusal("ONNX file", model.source);
  return (name) => floats(onnxElements(tensors.get(name)!, model.files, refuse));
}

/** The elements of a golden array. */
export const golden = (values: StateDict, name: string): Float32Array<ArrayBuffer> =>
  floats(values.get(name)!);
