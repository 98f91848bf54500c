/**
 * Wide residual networks: Zagoruyko & Komodakis, "Wide Residual Networks" (2016), in the form and
 * with the names of the NAD authors' `models/wresnet.py`.
 *
 * A 3x3 convolution, three groups of n = (depth - 4) / 6 pre-activation blocks with 16, 32 and 64
 * times `width` channels, the second and third at half the height and width of the one before, then
 * batch norm, ReLU, global pooling and a linear layer. The taps are the raw outputs of the groups.
 */

import { ModelError, UsageError } from "../errors.ts";
import { MAXIMUM_CHECKPOINT_BYTES } from "../formats/parse_checkpoint.ts";
import { elementCount } from "../formats/host_tensor.ts";
import { materialize, type Mode, normalizedActivation } from "../tensor/operations/batch_norm.ts";
import { convolution } from "../tensor/operations/convolution.ts";
import { linear } from "../tensor/operations/linear.ts";
import { globalPool } from "../tensor/operations/pool.ts";
import type { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Architecture, StateEntry } from "./architecture.ts";
import type { Family } from "./family.ts";
import { moduleNorm, moduleNormEntries, normTensors } from "./norm.ts";

/** Channels of the first convolution, before widening. */
const BASE_CHANNELS = 16;

/** The authors of ResNet went to 1202; the deepest WideResNet of the paper has 40 layers. */
const MAXIMUM_DEPTH = 1000;

/** The widest of the paper has 12. */
const MAXIMUM_WIDTH = 100;

interface Block {
  /** For example `block2.layer.0`. */
  readonly name: string;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
}

/** The blocks of each of the three groups. */
function groups(depth: number, width: number): Block[][] {
  const blocks = (depth - 4) / 6;
  return [0, 1, 2].map((group) => {
    const outChannels = BASE_CHANNELS * width * 2 ** group;
    const before = group === 0 ? BASE_CHANNELS : outChannels / 2;
    return Array.from({ length: blocks }, (_, i) => ({
      name: `block${group + 1}.layer.${i}`,
      inChannels: i === 0 ? before : outChannels,
      outChannels,
      stride: i === 0 && group > 0 ? 2 : 1,
    }));
  });
}

/** He initialisation by fan-out, as the authors' code does: deviation sqrt(2 / (k² outputs)). */
function convolutionEntry(
  name: string,
  inputs: number,
  outputs: number,
  kernel: number,
): StateEntry {
  return {
    name: `${name}.weight`,
    shape: [outputs, inputs, kernel, kernel],
    kind: "parameter",
    initial: { normal: Math.sqrt(2 / (kernel * kernel * outputs)) },
  };
}

/**
 * WideResNet-`depth`-`width` for `classes` classes; `wideResNet(16, 1, 10)` has 175,066 parameters.
 *
 * @throws {UsageError} unless depth is 6 n + 4 from 10 to 1000, width 1 to 100, classes at least 2,
 * and all parameters together within 2 GiB.
 */
export function wideResNet(depth: number, width: number, classes: number): Architecture {
  if (!(depth >= 10 && depth <= MAXIMUM_DEPTH && (depth - 4) % 6 === 0)) {
    throw new UsageError(
      `cannot build a WideResNet of depth ${depth}: expected 6 n + 4, for example 10, 16, 28 or 40, ` +
        `up to ${MAXIMUM_DEPTH}`,
    );
  }
  if (!(Number.isInteger(width) && width >= 1 && width <= MAXIMUM_WIDTH)) {
    throw new UsageError(
      `cannot build a WideResNet of width ${width}: expected 1 to ${MAXIMUM_WIDTH}`,
    );
  }
  if (!Number.isInteger(classes) || classes < 2) {
    throw new UsageError(`cannot build a WideResNet for ${classes} classes: expected 2 or more`);
  }
  const layout = groups(depth, width);
  const channels = layout.at(-1)!.at(-1)!.outChannels;
  const entries: StateEntry[] = [
    convolutionEntry("conv1", 3, BASE_CHANNELS, 3),
    ...layout.flat().flatMap(({ name, inChannels, outChannels }) => [
      ...moduleNormEntries(`${name}.bn1`, inChannels),
      convolutionEntry(`${name}.conv1`, inChannels, outChannels, 3),
      ...moduleNormEntries(`${name}.bn2`, outChannels),
      convolutionEntry(`${name}.conv2`, outChannels, outChannels, 3),
      ...inChannels === outChannels
        ? []
        : [convolutionEntry(`${name}.convShortcut`, inChannels, outChannels, 1)],
    ]),
    ...moduleNormEntries("bn1", channels),
    {
      name: "fc.weight",
      shape: [classes, channels],
      kind: "parameter",
      initial: { normal: 1 / Math.sqrt(3 * channels) },
    },
    { name: "fc.bias", shape: [classes], kind: "parameter", initial: { constant: 0 } },
  ];
  const bytes = entries.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  if (bytes > MAXIMUM_CHECKPOINT_BYTES) {
    throw new UsageError(
      `cannot build a WideResNet of depth ${depth} and width ${width} for ${classes} classes: it ` +
        `has ${bytes} bytes of parameters, expected at most ${MAXIMUM_CHECKPOINT_BYTES}`,
    );
  }
  const lastNorm = moduleNorm("bn1");
  const norms = layout.flat().flatMap(({ name }) => [
    moduleNorm(`${name}.bn1`),
    moduleNorm(`${name}.bn2`),
  ]);
  return {
    name: `wrn-${depth}-${width}`,
    classes,
    entries,
    norms: [...norms, lastNorm],
    head: { weight: "fc.weight", bias: "fc.bias", transposed: false },
    lastNorm,
    forward(tape, state, x, mode) {
      const statistics = mode === "training";
      let maps = convolution(tape, x, state("conv1.weight"), { statistics });
      const taps: Tensor[] = [];
      for (const group of layout) {
        for (const block of group) maps = residualBlock(tape, state, maps, block, mode);
        taps.push(maps);
      }
      const last = normalizedActivation(tape, maps, normTensors(state, lastNorm), mode);
      const features = globalPool(tape, materialize(tape, last));
      const logits = linear(tape, features, state("fc.weight"), state("fc.bias"));
      return { logits, taps, features };
    },
  };
}

/** BN, ReLU, 3x3, BN, ReLU, 3x3, plus the input; where channels change, plus a 1x1 of BN, ReLU. */
function residualBlock(
  tape: Tape,
  state: (name: string) => Tensor,
  x: Tensor,
  block: Block,
  mode: Mode,
): Tensor {
  const { name, inChannels, outChannels, stride } = block;
  const weight = (part: string) => state(`${name}.${part}.weight`);
  const statistics = mode === "training";
  const norm = (part: string) => normTensors(state, moduleNorm(`${name}.${part}`));
  const first = normalizedActivation(tape, x, norm("bn1"), mode);
  const shortcut = inChannels === outChannels
    ? x
    : convolution(tape, first, weight("convShortcut"), { stride });
  const hidden = convolution(tape, first, weight("conv1"), { stride, statistics });
  const second = normalizedActivation(tape, hidden, norm("bn2"), mode);
  return convolution(tape, second, weight("conv2"), { residual: shortcut, statistics });
}

/** All WideResNets of the authors' form. */
export const wideResNets: Family = {
  pattern: "wrn-DEPTH-WIDTH",
  example: "wrn-16-1",
  expected: "a WideResNet with conv1.weight, block1.layer.0.conv1.weight and fc.weight",
  named(name, classes) {
    const match = /^wrn-(\d+)-(\d+)$/.exec(name);
    return match ? wideResNet(Number(match[1]), Number(match[2]), classes) : undefined;
  },
  classes: (state) => state.get("fc.weight")?.shape[0],
  /** Depth follows from the number of blocks, width and classes from the last layer. */
  match(state, source) {
    const blocks = new Set(
      [...state.keys()].map((name) => /^block1\.layer\.(\d+)\./.exec(name)?.[1]).filter(Boolean),
    ).size;
    const [classes, channels] = state.get("fc.weight")?.shape ?? [];
    if (!state.has("conv1.weight") || blocks === 0 || !channels || !classes) return [];
    if (channels % 64 !== 0 || classes < 2) {
      throw new ModelError(
        `cannot tell the architecture of ${source}: fc.weight has shape ` +
          `[${classes}, ${channels}], expected a multiple of 64 inputs and 2 or more outputs`,
      );
    }
    try {
      return [wideResNet(6 * blocks + 4, channels / 64, classes)];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new ModelError(`cannot tell the architecture of ${source}: ${error.message}`);
    }
  },
};
