/** Networks whose batch norms were folded away, with norms for training. */

import type { Preprocessing } from "../../shaders/gather.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { graphEntries, sizedArchitecture } from "../nn/graph_architecture.ts";
import { foldedNorms, foldedState, stateWithNorms, withNorms } from "../nn/graph_norms.ts";
import { loadModel } from "../nn/model.ts";
import type { OnnxNetwork } from "../nn/onnx_model.ts";
import type { NamedState } from "../nn/state.ts";
import { measureTaps } from "./convolution_moments.ts";
import type { ImageStore } from "./image_store.ts";

/** A network with norms put back, and the way out of it. */
export interface RestoredNetwork {
  /** Computes what the network without them does, in evaluation. */
  readonly network: NamedState;
  /** How many norms were put back. */
  readonly norms: number;
  /** A state of `network` as one of the network that came in. */
  fold(state: StateDict): StateDict;
}

/**
 * Puts a batch norm behind every convolution that has a bias and none behind it, with the statistics
 * that `images` have there. Undefined where there is none to put back.
 */
export async function restoreNorms(
  gpu: Gpu,
  { architecture, state, graphOf, example }: OnnxNetwork,
  images: ImageStore,
  options: { source: string; preprocessing: Preprocessing; signal?: AbortSignal | undefined },
): Promise<RestoredNetwork | undefined> {
  const { source, preprocessing, signal } = options;
  const folded = foldedNorms(graphOf(example));
  if (folded.length === 0) return undefined;
  const { name, entries } = architecture;
  const tapsOf = (graph: Parameters<typeof foldedNorms>[0]) =>
    foldedNorms(graph).map(({ output }) => output);
  const measured = sizedArchitecture({ name, entries, graphOf, example, tapsOf });
  using model = loadModel(gpu, measured, state, source);
  const moments = await measureTaps(gpu, model, images, preprocessing, signal);
  const normed = (size: typeof example) => {
    const graph = graphOf(size);
    return withNorms(graph, foldedNorms(graph));
  };
  const restored = sizedArchitecture({
    name,
    entries: graphEntries(normed(example)),
    graphOf: normed,
    example,
  });
  return {
    network: {
      architecture: restored,
      state: stateWithNorms(state, folded, moments),
      source,
    },
    norms: folded.length,
    fold: (trained) => foldedState(trained, folded),
  };
}
