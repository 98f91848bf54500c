/** A WideResNet in float64, block by block as `models/wresnet.py` of the authors' code has it. */

import type { FeatureMaps } from "../../shaders/channel_sweep.ts";
import { type ConvolutionGeometry, outputExtent } from "../../shaders/convolution/use.ts";
import { Graph, type Node, type RunningStatistics } from "./graph.ts";
import { globalPool } from "./pool.ts";

/** Feature maps with their extents. */
interface Features extends FeatureMaps {
  readonly node: Node;
}

/** What to build and with what. */
export interface ReferenceNetwork {
  readonly depth: number;
  readonly width: number;
  readonly classes: number;
  /** The parameter of a name. */
  readonly parameter: (name: string) => Node;
  /** In evaluation mode: the statistics of a batch norm. */
  readonly statistics?: (name: string) => RunningStatistics;
}

/** The network on x (N,3,H,W). */
export function wideResNet(
  graph: Graph,
  network: ReferenceNetwork,
  x: Features,
): { logits: Node; taps: Features[] } {
  const { depth, width, classes, parameter, statistics } = network;
  const convolution = (
    input: Features,
    name: string,
    outChannels: number,
    kernelSize: number,
    stride: number,
  ): Features => {
    const geometry: ConvolutionGeometry = {
      batch: input.n,
      inChannels: input.c,
      height: input.h,
      width: input.w,
      outChannels,
      kernelSize,
      stride,
      padding: kernelSize === 3 ? 1 : 0,
    };
    const { height, width } = outputExtent(geometry);
    const node = graph.convolution(geometry, input.node, parameter(`${name}.weight`));
    return { n: input.n, c: outChannels, h: height, w: width, node };
  };
  const normalised = (input: Features, name: string): Features => {
    const gamma = parameter(`${name}.weight`);
    const beta = parameter(`${name}.bias`);
    const y = graph.batchNorm(input, input.node, gamma, beta, statistics?.(name));
    return { ...input, node: graph.relu(y) };
  };

  const taps: Features[] = [];
  let out = convolution(x, "conv1", 16, 3, 1);
  for (const [group, channels] of [16, 32, 64].entries()) {
    for (let block = 0; block < (depth - 4) / 6; block++) {
      const name = `block${group + 1}.layer.${block}`;
      const outChannels = channels * width;
      const stride = block === 0 && group > 0 ? 2 : 1;
      const before = out;
      const activated = normalised(before, `${name}.bn1`);
      let y = convolution(activated, `${name}.conv1`, outChannels, 3, stride);
      y = normalised(y, `${name}.bn2`);
      y = convolution(y, `${name}.conv2`, outChannels, 3, 1);
      const shortcut = before.c === outChannels
        ? before
        : convolution(activated, `${name}.convShortcut`, outChannels, 1, stride);
      out = { ...y, node: graph.add(shortcut.node, y.node) };
    }
    taps.push(out);
  }
  const last = normalised(out, "bn1");
  const pooled = graph.averagePool(globalPool(last.n * last.c, last.h, last.w), last.node);
  const geometry = { batch: last.n, inputs: last.c, outputs: classes };
  const logits = graph.linear(geometry, pooled, parameter("fc.weight"), parameter("fc.bias"));
  return { logits, taps };
}
