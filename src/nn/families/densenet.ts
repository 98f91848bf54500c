/**
 * DenseNet, Huang et al. (2016): torchvision's (`features.denseblock1...`, old features first when
 * joined) and kuangliu's (`dense1...`, new features first). The order is not in the shapes: it comes
 * with the names.
 */

import type { StateDict } from "../../formats/host_tensor.ts";
import type { Architecture } from "../architecture.ts";
import type { Family } from "../family.ts";
import { moduleArchitecture, type ModuleBuilder } from "./modules.ts";

interface DenseNet {
  readonly kuangliu: boolean;
  /** Channels of the first convolution. */
  readonly width: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pool: boolean;
  readonly growth: number;
  /** Channels of the 1x1 convolutions. */
  readonly inner: number;
  readonly blocks: readonly number[];
  /** Channels behind each transition. */
  readonly transitions: readonly number[];
  readonly classes: number;
}

/** Names of the modules in both spellings. */
const names = ({ kuangliu }: Pick<DenseNet, "kuangliu">) => ({
  stem: kuangliu ? "conv1" : "features.conv0",
  layer: (b: number, l: number) =>
    kuangliu ? `dense${b + 1}.${l}` : `features.denseblock${b + 1}.denselayer${l + 1}`,
  norm: (i: number) => kuangliu ? `bn${i}` : `norm${i}`,
  transition: (b: number) => kuangliu ? `trans${b + 1}` : `features.transition${b + 1}`,
  transitionNorm: kuangliu ? "bn" : "norm",
  last: kuangliu ? "bn" : "features.norm5",
  head: kuangliu ? "linear" : "classifier",
});

function denseLayer(m: ModuleBuilder, x: number, name: string, net: DenseNet): number {
  const { norm } = names(net);
  const first = m.relu(m.norm(x, `${name}.${norm(1)}`));
  const hidden = m.convolution(first, `${name}.conv1`, { outputs: net.inner, kernel: 1 });
  const second = m.relu(m.norm(hidden, `${name}.${norm(2)}`));
  return m.convolution(second, `${name}.conv2`, { outputs: net.growth, kernel: 3 });
}

function denseNet(name: string, net: DenseNet): Architecture {
  const { kuangliu, width, kernel, stride, pool, blocks, transitions, classes } = net;
  const known = names(net);
  return moduleArchitecture(name, kernel === 7 ? 224 : 32, (m, images) => {
    let x = m.convolution(images, known.stem, { outputs: width, kernel, stride });
    if (!kuangliu) x = m.relu(m.norm(x, "features.norm0"));
    if (pool) x = m.pool(x, "max", 3, 2, 1);
    for (const [b, layers] of blocks.entries()) {
      for (let l = 0; l < layers; l++) {
        const added = denseLayer(m, x, known.layer(b, l), net);
        x = m.concat(kuangliu ? [added, x] : [x, added]);
      }
      const outputs = transitions[b];
      if (outputs === undefined) continue;
      const transition = known.transition(b);
      x = m.relu(m.norm(x, `${transition}.${known.transitionNorm}`));
      x = m.pool(m.convolution(x, `${transition}.conv`, { outputs, kernel: 1 }), "mean", 2);
    }
    return m.linear(m.globalPool(m.relu(m.norm(x, known.last))), known.head, classes);
  });
}

function structureOf(state: StateDict): Omit<DenseNet, "stride" | "pool"> | undefined {
  const shape = (name: string) => state.get(`${name}.weight`)?.shape;
  const kuangliu = state.has("dense1.0.conv1.weight");
  const known = names({ kuangliu });
  const [width, channels, kernel] = shape(known.stem) ?? [];
  const [inner] = shape(`${known.layer(0, 0)}.conv1`) ?? [];
  const [growth] = shape(`${known.layer(0, 0)}.conv2`) ?? [];
  const [classes] = shape(known.head) ?? [];
  if (!width || channels !== 3 || !kernel || !inner || !growth || !classes) return undefined;
  const blocks: number[] = [];
  const transitions: number[] = [];
  for (let b = 0; shape(`${known.layer(b, 0)}.conv1`); b++) {
    let layers = 0;
    while (shape(`${known.layer(b, layers)}.conv1`)) layers++;
    blocks.push(layers);
    const outputs = shape(`${known.transition(b)}.conv`)?.[0];
    if (outputs !== undefined) transitions.push(outputs);
  }
  return { kuangliu, width, kernel, growth, inner, blocks, transitions, classes };
}

/** Layers with weights, by which DenseNets are known. */
const depthOf = (blocks: readonly number[]) =>
  2 * blocks.reduce((sum, layers) => sum + layers, 0) + blocks.length + 1;

/** The stems that a first kernel leaves open, the usual one first. */
function stems(kernel: number, kuangliu: boolean): { stride: number; pool: boolean }[] {
  if (kernel === 7) return [{ stride: 2, pool: true }];
  const usual = { stride: 1, pool: false };
  return kuangliu ? [usual] : [usual, { stride: 1, pool: true }, { stride: 2, pool: false }];
}

/** All DenseNets. Names are of kuangliu's for small images, DenseNet-121 with growth 12 unless said. */
export const denseNets: Family = {
  pattern: "densenet-121-cifar",
  example: "densenet-121-cifar:2",
  expected: "a DenseNet with features.denseblock1 or dense1",
  named(name, classes) {
    const match = /^densenet-121-cifar(?::(\d+))?$/.exec(name);
    if (!match) return undefined;
    const growth = Number(match[1] ?? 12);
    const blocks = [6, 12, 24, 16];
    let channels = 2 * growth;
    const transitions = blocks.slice(0, -1).map((layers) =>
      channels = Math.floor((channels + layers * growth) / 2)
    );
    return denseNet(name, {
      kuangliu: true,
      width: 2 * growth,
      kernel: 3,
      stride: 1,
      pool: false,
      growth,
      inner: 4 * growth,
      blocks,
      transitions,
      classes,
    });
  },
  classes: (state) =>
    (state.has("features.conv0.weight")
      ? state.get("classifier.weight")
      : state.has("dense1.0.conv1.weight")
      ? state.get("linear.weight")
      : undefined)?.shape[0],
  match(state) {
    const found = structureOf(state);
    if (!found) return [];
    const { kuangliu, kernel, growth, blocks } = found;
    return stems(kernel, kuangliu).map((stem) => {
      const suffix = kernel === 7 ? "" : `-stem${stem.stride}${stem.pool ? "pool" : ""}`;
      const size = kuangliu ? "-cifar" : suffix;
      return denseNet(`densenet-${depthOf(blocks)}${size}:${growth}`, { ...found, ...stem });
    });
  },
};
