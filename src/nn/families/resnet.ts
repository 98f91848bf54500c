/**
 * Residual networks, He et al. (2015, 2016), in the forms that people hold: torchvision's
 * (`downsample`, `fc`), kuangliu/pytorch-cifar's and BackdoorBench's (`shortcut`, `linear`), with
 * blocks of two or three convolutions, activated behind the sum or before each convolution, and the
 * thin ones for CIFAR. Everything but strides and the stem's pooling follows from names and shapes.
 */

import type { StateDict } from "../../formats/host_tensor.ts";
import type { Architecture } from "../architecture.ts";
import type { Family } from "../family.ts";
import { moduleArchitecture, type ModuleBuilder } from "./modules.ts";

/** The first layers: a convolution, and perhaps a 3x3 max pooling of stride 2. */
interface Stem {
  readonly kernel: number;
  readonly stride: number;
  readonly pool: boolean;
}

/** How the input of a block reaches its sum. */
type Shortcut = "identity" | "convolution" | "padded";

interface Block {
  /** Channels inside. */
  readonly inner: number;
  readonly outputs: number;
  readonly groups: number;
  readonly shortcut: Shortcut;
}

/** A residual network. */
interface ResNet {
  readonly stem: Stem;
  /** Channels of the first convolution. */
  readonly width: number;
  readonly stages: readonly (readonly Block[])[];
  readonly bottleneck: boolean;
  /** Batch norm and ReLU before each convolution of a block, none behind the sum. */
  readonly preactivated: boolean;
  readonly names: { readonly shortcut: string; readonly head: string };
  readonly classes: number;
}

const CIFAR_STEM: Stem = { kernel: 3, stride: 1, pool: false };
const IMAGENET_STEM: Stem = { kernel: 7, stride: 2, pool: true };

/** Stems that a 3x3 kernel leaves open, the usual one first. */
const OPEN_STEMS: readonly Stem[] = [
  CIFAR_STEM,
  { kernel: 3, stride: 1, pool: true },
  { kernel: 3, stride: 2, pool: false },
];

/** Blocks of each stage, by depth. */
const DEPTHS: ReadonlyMap<number, { blocks: readonly number[]; bottleneck: boolean }> = new Map([
  [18, { blocks: [2, 2, 2, 2], bottleneck: false }],
  [34, { blocks: [3, 4, 6, 3], bottleneck: false }],
  [50, { blocks: [3, 4, 6, 3], bottleneck: true }],
  [101, { blocks: [3, 4, 23, 3], bottleneck: true }],
  [152, { blocks: [3, 8, 36, 3], bottleneck: true }],
]);

/** A shortcut without weights: every second pixel, and channels of zeros before and behind. */
function paddedShortcut(m: ModuleBuilder, x: number, outputs: number, stride: number): number {
  const [images = 0, channels = 0, height = 0, width = 0] = m.graph.shape(x);
  const every = (extent: number) => ({ start: 0, count: Math.ceil(extent / stride), step: stride });
  const ranges = [
    { start: 0, count: images, step: 1 },
    { start: 0, count: channels, step: 1 },
    every(height),
    every(width),
  ].map((range, i) => i < 2 ? "all" as const : range);
  const thinned = stride === 1 ? x : m.graph.node("shortcut", { kind: "slice", ranges }, [x]);
  const missing = outputs - channels;
  if (missing === 0) return thinned;
  const before = Math.floor(missing / 2);
  return m.graph.node("shortcut", {
    kind: "pad",
    mode: "constant",
    before: [0, before, 0, 0],
    after: [0, missing - before, 0, 0],
    value: 0,
  }, [thinned]);
}

/** Convolutions of a block in order: kernel, channels, stride, groups. */
function layersOf({ inner, outputs, groups }: Block, bottleneck: boolean, stride: number) {
  return bottleneck
    ? [
      { kernel: 1, outputs: inner },
      { kernel: 3, outputs: inner, stride, groups },
      { kernel: 1, outputs },
    ]
    : [{ kernel: 3, outputs: inner, stride }, { kernel: 3, outputs }];
}

function residualBlock(
  m: ModuleBuilder,
  x: number,
  name: string,
  block: Block,
  stride: number,
  { bottleneck, preactivated, names }: ResNet,
): number {
  const layers = layersOf(block, bottleneck, stride);
  let y = x;
  let activated = x;
  for (const [i, layer] of layers.entries()) {
    if (preactivated) {
      y = m.relu(m.norm(y, `${name}.bn${i + 1}`));
      if (i === 0) activated = y;
    }
    y = m.convolution(y, `${name}.conv${i + 1}`, layer);
    if (preactivated) continue;
    y = m.norm(y, `${name}.bn${i + 1}`);
    if (i < layers.length - 1) y = m.relu(y);
  }
  let shortcut = x;
  if (block.shortcut === "padded") shortcut = paddedShortcut(m, x, block.outputs, stride);
  if (block.shortcut === "convolution") {
    const settings = { outputs: block.outputs, kernel: 1, stride };
    shortcut = m.convolution(preactivated ? activated : x, `${name}.${names.shortcut}.0`, settings);
    if (!preactivated) shortcut = m.norm(shortcut, `${name}.${names.shortcut}.1`);
  }
  const sum = m.add(y, shortcut);
  return preactivated ? sum : m.relu(sum);
}

function resNet(name: string, net: ResNet): Architecture {
  const { stem, width, stages, preactivated, names, classes } = net;
  return moduleArchitecture(name, stem.kernel === 7 ? 224 : 32, (m, images) => {
    const { kernel, stride } = stem;
    let x = m.convolution(images, "conv1", { outputs: width, kernel, stride });
    if (!preactivated) x = m.relu(m.norm(x, "bn1"));
    if (stem.pool) x = m.pool(x, "max", 3, 2, 1);
    for (const [s, blocks] of stages.entries()) {
      for (const [b, block] of blocks.entries()) {
        const stride = s > 0 && b === 0 ? 2 : 1;
        x = residualBlock(m, x, `layer${s + 1}.${b}`, block, stride, net);
      }
    }
    return m.linear(m.globalPool(x), names.head, classes);
  });
}

/** A network of a known depth; planes double from stage to stage. */
function standard(
  depth: number,
  width: number,
  classes: number,
  kind: "torchvision" | "kuangliu" | "preactivated",
): ResNet | undefined {
  const known = DEPTHS.get(depth);
  if (!known || width < 1) return undefined;
  const { bottleneck } = known;
  let inputs = width;
  const stages = known.blocks.map((count, s) =>
    Array.from({ length: count }, (_, b): Block => {
      const inner = width * 2 ** s;
      const outputs = bottleneck ? inner * 4 : inner;
      const changes = inputs !== outputs || (s > 0 && b === 0);
      inputs = outputs;
      return { inner, outputs, groups: 1, shortcut: changes ? "convolution" : "identity" };
    })
  );
  const torchvision = kind === "torchvision";
  return {
    stem: torchvision ? IMAGENET_STEM : CIFAR_STEM,
    width,
    stages,
    bottleneck,
    preactivated: kind === "preactivated",
    names: torchvision
      ? { shortcut: "downsample", head: "fc" }
      : { shortcut: "shortcut", head: "linear" },
    classes,
  };
}

/** The structure of a state, without its stem's stride and pooling; undefined for other networks. */
function structureOf(state: StateDict): Omit<ResNet, "stem"> & { kernel: number } | undefined {
  const shape = (name: string) => state.get(`${name}.weight`)?.shape;
  const [width, channels, kernel] = shape("conv1") ?? [];
  const head = ["fc", "linear"].find((name) => shape(name)?.length === 2);
  if (!width || channels !== 3 || !kernel || !head || !shape("layer1.0.conv1")) return undefined;
  const bottleneck = shape("layer1.0.conv3") !== undefined;
  const preactivated = !shape("bn1");
  const shortcut = [...state.keys()].some((name) => name.includes(".downsample.0."))
    ? "downsample"
    : "shortcut";
  const stages: Block[][] = [];
  let inputs = width;
  for (let s = 1; shape(`layer${s}.0.conv1`); s++) {
    const blocks: Block[] = [];
    for (let b = 0; shape(`layer${s}.${b}.conv1`); b++) {
      const name = `layer${s}.${b}`;
      const inner = shape(`${name}.conv1`)![0]!;
      const outputs = shape(`${name}.conv${bottleneck ? 3 : 2}`)?.[0];
      const perGroup = shape(`${name}.conv2`)?.[1];
      // Pre-activation norms are as wide as what comes in: old files mix both kinds of block.
      const first = shape(`${name}.bn1`)?.[0];
      if (!outputs || !perGroup || first !== (preactivated ? inputs : inner)) return undefined;
      const moves = inputs !== outputs || (s > 1 && b === 0);
      blocks.push({
        inner,
        outputs,
        groups: bottleneck ? inner / perGroup : 1,
        shortcut: shape(`${name}.${shortcut}.0`) ? "convolution" : moves ? "padded" : "identity",
      });
      inputs = outputs;
    }
    stages.push(blocks);
  }
  const classes = shape(head)![0]!;
  const names = { shortcut, head };
  return { width, stages, bottleneck, preactivated, names, classes, kernel };
}

/** The depth that a network is known by: its layers with weights. */
function depthOf({ stages, bottleneck }: Pick<ResNet, "stages" | "bottleneck">): number {
  return 2 + (bottleneck ? 3 : 2) * stages.flat().length;
}

const widthSuffix = (width: number, usual: number) => width === usual ? "" : `:${width}`;

const stemSuffix = ({ kernel, stride, pool }: Stem) =>
  kernel === 7 ? "" : `-stem${stride}${pool ? "pool" : ""}`;

function matched(state: StateDict, kind: "torchvision" | "kuangliu" | "preactivated") {
  const found = structureOf(state);
  if (!found) return [];
  const { kernel, ...structure } = found;
  const own = found.preactivated
    ? "preactivated"
    : found.names.head === "linear"
    ? "kuangliu"
    : "torchvision";
  if (own !== kind) return [];
  const usual = structure.stages.length === 3 ? 16 : 64;
  const name = `${depthOf(structure)}`;
  const suffix = widthSuffix(structure.width, usual);
  if (own !== "torchvision" || structure.stages.length === 3) {
    const family = own === "preactivated" ? `preact-resnet-${name}` : `resnet-${name}-cifar`;
    return [resNet(`${family}${suffix}`, { ...structure, stem: { ...CIFAR_STEM, kernel } })];
  }
  const stems = kernel === 7 ? [IMAGENET_STEM] : OPEN_STEMS.map((stem) => ({ ...stem, kernel }));
  return stems.map((stem) =>
    resNet(`resnet-${name}${stemSuffix(stem)}${suffix}`, { ...structure, stem })
  );
}

/** Number of classes of a state whose head has one of these names. */
const classesOf = (state: StateDict, heads: readonly string[]) => {
  const head = heads.map((name) => state.get(`${name}.weight`)).find(Boolean);
  return state.has("layer1.0.conv1.weight") ? head?.shape[0] : undefined;
};

function family(
  kind: "torchvision" | "kuangliu" | "preactivated",
  form: { pattern: string; example: string; expected: string; name: RegExp; heads: string[] },
): Family {
  const { pattern, example, expected } = form;
  return {
    pattern,
    example,
    expected,
    named(name, classes) {
      const match = form.name.exec(name);
      if (!match) return undefined;
      const net = standard(Number(match[1]), Number(match[2] ?? 64), classes, kind);
      return net && resNet(name, net);
    },
    classes: (state) => classesOf(state, form.heads),
    match: (state) => matched(state, kind),
  };
}

/** torchvision's: 7x7 stem, `downsample`, `fc`. */
export const torchvisionResNets: Family = family("torchvision", {
  pattern: "resnet-DEPTH",
  example: "resnet-18:4",
  expected: "a ResNet of torchvision with conv1.weight, layer1.0.conv1.weight and fc.weight",
  name: /^resnet-(\d+)(?::(\d+))?$/,
  heads: ["fc"],
});

/** kuangliu's for small images: 3x3 stem, `shortcut`, `linear`. */
export const smallImageResNets: Family = family("kuangliu", {
  pattern: "resnet-DEPTH-cifar",
  example: "resnet-18-cifar:4",
  expected: "a ResNet for CIFAR with layer1.0.conv1.weight and linear.weight",
  name: /^resnet-(\d+)-cifar(?::(\d+))?$/,
  heads: ["linear"],
});

/** kuangliu's and BackdoorBench's with activation before each convolution. */
export const preactivatedResNets: Family = family("preactivated", {
  pattern: "preact-resnet-DEPTH",
  example: "preact-resnet-18:4",
  expected: "a pre-activation ResNet with layer1.0.bn1.weight and linear.weight",
  name: /^preact-resnet-(\d+)(?::(\d+))?$/,
  heads: ["linear"],
});
