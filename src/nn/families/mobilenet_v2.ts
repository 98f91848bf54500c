/**
 * MobileNetV2, Sandler et al. (2018), as torchvision and chenyaofo name it. Both have the same names
 * and shapes and other strides.
 */

import type { StateDict } from "../../formats/host_tensor.ts";
import type { Architecture } from "../architecture.ts";
import type { ElementFunction } from "../graph.ts";
import type { Family } from "../family.ts";
import { moduleArchitecture, type ModuleBuilder } from "./modules.ts";

interface InvertedBlock {
  /** Channels inside, as many as come in where the block does not expand. */
  readonly inner: number;
  readonly outputs: number;
  readonly stride: number;
}

/** A MobileNetV2. */
export interface MobileNetV2 {
  /** Channels and stride of the first convolution. */
  readonly stem: { readonly outputs: number; readonly stride: number };
  readonly blocks: readonly InvertedBlock[];
  /** Channels of the last convolution. */
  readonly last: number;
  readonly classes: number;
  /** Share that is dropped before the last layer. */
  readonly dropout: number;
}

const RELU6: ElementFunction = { name: "clip", minimum: 0, maximum: 6 };

/** Blocks of the usual network; the last numbers are where a stride of 2 begins. */
const USUAL_BLOCKS = 17;
const IMAGENET_STRIDES = { stem: 2, blocks: [2, 4, 7, 14] };
const CIFAR_STRIDES = { stem: 1, blocks: [4, 7, 14] };

function convolutionNorm(
  m: ModuleBuilder,
  x: number,
  name: string,
  settings: { outputs: number; kernel: number; stride?: number; groups?: number },
): number {
  return m.element(m.norm(m.convolution(x, `${name}.0`, settings), `${name}.1`), RELU6);
}

function invertedBlock(m: ModuleBuilder, x: number, name: string, block: InvertedBlock): number {
  const { inner, outputs, stride } = block;
  const inputs = m.graph.shape(x)[1]!;
  let y = x;
  let part = 0;
  if (inner !== inputs) {
    y = convolutionNorm(m, y, `${name}.conv.${part++}`, { outputs: inner, kernel: 1 });
  }
  const depthwise = { outputs: inner, kernel: 3, stride, groups: inner };
  y = convolutionNorm(m, y, `${name}.conv.${part++}`, depthwise);
  y = m.convolution(y, `${name}.conv.${part++}`, { outputs, kernel: 1 });
  y = m.norm(y, `${name}.conv.${part}`);
  return stride === 1 && inputs === outputs ? m.add(x, y) : y;
}

/** The network that a description stands for. */
export function mobileNetV2(name: string, net: MobileNetV2): Architecture {
  const { stem, blocks, last, classes, dropout } = net;
  return moduleArchitecture(name, stem.stride === 2 ? 224 : 32, (m, images) => {
    let x = convolutionNorm(m, images, "features.0", { ...stem, kernel: 3 });
    for (const [b, block] of blocks.entries()) x = invertedBlock(m, x, `features.${b + 1}`, block);
    x = convolutionNorm(m, x, `features.${blocks.length + 1}`, { outputs: last, kernel: 1 });
    x = m.globalPool(x);
    if (dropout > 0) x = m.graph.node("dropout", { kind: "dropout", ratio: dropout }, [x]);
    return m.linear(x, "classifier.1", classes);
  });
}

/** What a state says of its network: all but the strides. */
export function mobileNetV2Of(
  state: StateDict,
  strides: { readonly stem: number; readonly blocks: readonly number[] },
  dropout: number,
): MobileNetV2 | undefined {
  const shape = (name: string) => state.get(`${name}.weight`)?.shape;
  const [outputs, channels] = shape("features.0.0") ?? [];
  const [classes] = shape("classifier.1") ?? [];
  if (!outputs || channels !== 3 || !classes || !shape("features.1.conv.1")) return undefined;
  const blocks: InvertedBlock[] = [];
  for (let b = 1; shape(`features.${b}.conv.0.0`); b++) {
    const expands = shape(`features.${b}.conv.1.0`) !== undefined;
    const inner = shape(`features.${b}.conv.0.0`)![0]!;
    const projected = shape(`features.${b}.conv.${expands ? 2 : 1}`)?.[0];
    if (!projected) return undefined;
    const stride = strides.blocks.includes(b) ? 2 : 1;
    blocks.push({ inner, outputs: projected, stride });
  }
  const last = shape(`features.${blocks.length + 1}.0`)?.[0];
  if (!last) return undefined;
  return { stem: { outputs, stride: strides.stem }, blocks, last, classes, dropout };
}

/** Rows of the paper's table: channels and blocks. */
const ROWS = [[16, 1], [24, 2], [32, 3], [64, 4], [96, 3], [160, 3], [320, 1]] as const;

/** All MobileNetV2s; names are of those for small images. */
export const mobileNetV2s: Family = {
  pattern: "mobilenet-v2-cifar",
  example: "mobilenet-v2-cifar:4",
  expected: "a MobileNetV2 with features.0.0.weight and classifier.1.weight",
  named(name, classes) {
    const match = /^mobilenet-v2-cifar(?::(\d+))?$/.exec(name);
    if (!match) return undefined;
    const scaled = (channels: number) => Math.ceil(channels * Number(match[1] ?? 32) / 32);
    let inputs = scaled(32);
    let index = 0;
    const blocks = ROWS.flatMap(([channels, count], row) =>
      Array.from({ length: count }, (): InvertedBlock => {
        const outputs = scaled(channels);
        const inner = row === 0 ? inputs : inputs * 6;
        inputs = outputs;
        return { inner, outputs, stride: CIFAR_STRIDES.blocks.includes(++index) ? 2 : 1 };
      })
    );
    const stem = { outputs: scaled(32), stride: CIFAR_STRIDES.stem };
    return mobileNetV2(name, { stem, blocks, last: scaled(1280), classes, dropout: 0.2 });
  },
  classes: (state) =>
    state.has("features.0.0.weight") ? state.get("classifier.1.weight")?.shape[0] : undefined,
  match(state) {
    return [["-cifar", CIFAR_STRIDES], ["", IMAGENET_STRIDES]].flatMap((variant) => {
      const [suffix, strides] = variant as [string, typeof CIFAR_STRIDES];
      const net = mobileNetV2Of(state, strides, 0.2);
      if (!net || net.blocks.length !== USUAL_BLOCKS) return [];
      const width = net.stem.outputs === 32 ? "" : `:${net.stem.outputs}`;
      return [mobileNetV2(`mobilenet-v2${suffix}${width}`, net)];
    });
  },
};
