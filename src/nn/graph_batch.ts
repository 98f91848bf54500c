/**
 * One graph for batches of any size, out of two that were built for batches of two and of three: where
 * they differ, the extent must be the batch itself. What an exporter has frozen shows here.
 */

import type { Extent, Graph, GraphNode, GraphValue, Operator } from "./graph.ts";

/** Sizes to build for: unlike each other, and small. */
export const TRIAL_BATCHES = [2, 3] as const;

/** A shape of both graphs; throws where it depends on the batch in another way than by being it. */
function mergedShape(a: readonly Extent[], b: readonly Extent[], what: string): Extent[] {
  return a.map((extent, i) => {
    if (a.length === b.length && extent === b[i]) return extent;
    if (i === 0 && extent === TRIAL_BATCHES[0] && b[i] === TRIAL_BATCHES[1]) return "N";
    throw new RangeError(
      `found ${what} of shape [${a.join(", ")}] for two images and [${b.join(", ")}] for three, ` +
        "expected the number of images as dimension 0 and nowhere else",
    );
  });
}

function mergedOperator(a: Operator, b: Operator, what: string): Operator {
  if ((a.kind === "reshape" || a.kind === "expand") && a.kind === b.kind) {
    return { ...a, shape: mergedShape(a.shape, b.shape, what) };
  }
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  throw new RangeError(
    `found ${what} to work differently on two and on three images, expected the same`,
  );
}

function mergedValue(a: GraphValue, b: GraphValue): GraphValue {
  const shape = mergedShape(a.shape, b.shape, a.name);
  if (a.data?.some((value, i) => !Object.is(value, b.data?.[i]))) {
    throw new RangeError(`found constant ${a.name} to depend on the batch, expected a fixed one`);
  }
  return { ...a, shape };
}

/**
 * The graph that both are cases of.
 *
 * @param build Builds the graph for so many images.
 * @throws {RangeError} where the network mixes images, or is frozen to one size of batch.
 */
export function anyBatch(build: (images: number) => Graph): Graph {
  const [a, b] = TRIAL_BATCHES.map(build) as [Graph, Graph];
  if (a.values.length !== b.values.length || a.nodes.length !== b.nodes.length) {
    throw new RangeError("found other operations for two images than for three, expected the same");
  }
  return {
    ...a,
    values: a.values.map((value, i) => mergedValue(value, b.values[i]!)),
    nodes: a.nodes.map((node, i): GraphNode => ({
      ...node,
      operator: mergedOperator(node.operator, b.nodes[i]!.operator, node.name),
    })),
  };
}
