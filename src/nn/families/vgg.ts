/**
 * VGG, Simonyan & Zisserman (2014): torchvision's, kuangliu's and chenyaofo's spellings. Where
 * `features` skips an index beside convolution, batch norm and ReLU there is a max pooling.
 */

import type { StateDict } from "../../formats/host_tensor.ts";
import type { Architecture } from "../architecture.ts";
import type { Family } from "../family.ts";
import { moduleArchitecture } from "./modules.ts";

/** Channels of a convolution, or a pooling. */
type Layer = number | "pool";

interface Vgg {
  readonly layers: readonly Layer[];
  readonly norms: boolean;
  /** Outputs of the hidden linear layers; none where the classifier is one layer. */
  readonly hidden: readonly number[];
  /** Side of the map that adaptive pooling makes before the classifier; torchvision's 7. */
  readonly adaptive: number | undefined;
  readonly classes: number;
}

/** Convolutions of each of the five stages, by depth. */
const DEPTHS: ReadonlyMap<number, readonly number[]> = new Map([
  [11, [1, 1, 2, 2, 2]],
  [13, [2, 2, 2, 2, 2]],
  [16, [2, 2, 3, 3, 3]],
  [19, [2, 2, 4, 4, 4]],
]);

/** torchvision's and chenyaofo's dropout between linear layers. */
const DROPOUT = 0.5;

function vgg(name: string, net: Vgg): Architecture {
  const { layers, norms, hidden, adaptive, classes } = net;
  return moduleArchitecture(name, adaptive === undefined ? 32 : 224, (m, images) => {
    let x = images;
    let index = 0;
    for (const layer of layers) {
      if (layer === "pool") {
        x = m.pool(x, "max", 2);
        index++;
        continue;
      }
      x = m.convolution(x, `features.${index}`, { outputs: layer, kernel: 3, bias: true });
      if (norms) x = m.norm(x, `features.${index + 1}`);
      x = m.relu(x);
      index += norms ? 3 : 2;
    }
    if (adaptive !== undefined) {
      x = m.graph.node("pool", { kind: "adaptivePool", size: [adaptive, adaptive] }, [x]);
    }
    x = m.flatten(x);
    if (hidden.length === 0) return m.linear(x, "classifier", classes);
    for (const [i, outputs] of hidden.entries()) {
      x = m.relu(m.linear(x, `classifier.${3 * i}`, outputs));
      x = m.graph.node("dropout", { kind: "dropout", ratio: DROPOUT }, [x]);
    }
    return m.linear(x, `classifier.${3 * hidden.length}`, classes);
  });
}

function standard(depth: number, width: number): Layer[] | undefined {
  return DEPTHS.get(depth)?.flatMap((count, stage): Layer[] => [
    ...Array<number>(count).fill(width * Math.min(2 ** stage, 8)),
    "pool",
  ]);
}

/** The layers of a state; undefined where it is none of a VGG. */
function structureOf(state: StateDict): Vgg | undefined {
  const shape = (name: string) => state.get(`${name}.weight`)?.shape;
  const indices = [...state.keys()]
    .map((name) => /^features\.(\d+)\.weight$/.exec(name)?.[1])
    .filter((index) => index !== undefined && shape(`features.${index}`)?.length === 4)
    .map(Number);
  const head = [[], ["0", "3", "6"]].find((parts) =>
    parts.length === 0 ? shape("classifier") : parts.every((part) => shape(`classifier.${part}`))
  );
  if (indices[0] !== 0 || !head || shape("features.0")?.[1] !== 3) return undefined;
  const norms = state.has("features.1.running_mean");
  const step = norms ? 3 : 2;
  const layers: Layer[] = [];
  for (const [i, index] of indices.entries()) {
    const next = indices[i + 1];
    const [outputs = 0, , kernel] = shape(`features.${index}`)!;
    if (kernel !== 3 || (next !== undefined && next - index - step > 1)) return undefined;
    layers.push(outputs);
    if (next === undefined || next - index > step) layers.push("pool");
  }
  const channels = layers.filter((layer) => layer !== "pool").at(-1)!;
  const last = head.length === 0 ? "classifier" : "classifier.6";
  const inputs = shape(head.length === 0 ? "classifier" : "classifier.0")![1]!;
  const side = Math.sqrt(inputs / channels);
  if (!Number.isInteger(side)) return undefined;
  return {
    layers,
    norms,
    hidden: head.slice(0, -1).map((part) => shape(`classifier.${part}`)![0]!),
    adaptive: side === 1 ? undefined : side,
    classes: shape(last)![0]!,
  };
}

/** All VGGs. Names are of those without hidden layers, for small images, with batch norm. */
export const vggs: Family = {
  pattern: "vgg-DEPTH-bn-cifar",
  example: "vgg-11-bn-cifar:4",
  expected: "a VGG with features.0.weight and classifier.weight or classifier.6.weight",
  named(name, classes) {
    const match = /^vgg-(\d+)-bn-cifar(?::(\d+))?$/.exec(name);
    const layers = match && standard(Number(match[1]), Number(match[2] ?? 64));
    return layers
      ? vgg(name, { layers, norms: true, hidden: [], adaptive: undefined, classes })
      : undefined;
  },
  classes: (state) =>
    (state.get("classifier.weight") ?? state.get("classifier.6.weight"))?.shape[0],
  match(state) {
    const net = structureOf(state);
    if (!net) return [];
    const depth = net.layers.filter((layer) => layer !== "pool").length + 3;
    const size = net.adaptive === undefined ? "-cifar" : "";
    const width = net.layers[0] === 64 ? "" : `:${net.layers[0]}`;
    return [vgg(`vgg-${depth}${net.norms ? "-bn" : ""}${size}${width}`, net)];
  },
};
