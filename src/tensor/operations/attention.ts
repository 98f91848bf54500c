/** Attention maps of activations, and the distance between a student's and a teacher's. */

import {
  attentionDistanceGradientKernel,
  attentionDistanceKernel,
  attentionMapGradientKernel,
  attentionMapKernel,
  type AttentionOperator,
  type Distance,
  distanceNormsKernel,
  mapSegments,
  mapSquaresKernel,
} from "../../../shaders/attention.ts";
import { sumKernel } from "../../../shaders/reduction.ts";
import { ModelError } from "../../errors.ts";
import type { Tape } from "../tape.ts";
import { nchw, type Tensor } from "../tensor.ts";
import { adaptiveAveragePool } from "./pool.ts";

/**
 * F (N,C,H,W) -> the attention map Σ_c |F_c|^p, or its mean over channels, (N,1,H,W); not yet
 * normalised.
 *
 * @throws {ModelError} where H and W are both 1: the normalised map would be constant, and
 * distilling it would teach nothing.
 */
export function attentionMap(tape: Tape, f: Tensor, operator: AttentionOperator): Tensor {
  const { n, c, h, w } = nchw(f);
  if (h * w === 1) {
    throw new ModelError(
      `cannot distil the attention of ${f.label}: its map is 1x1, constant once normalised; ` +
        "tap an activation before the global pooling",
    );
  }
  if (!(operator.power >= 1)) {
    throw new RangeError(`expected an attention power of at least 1, found ${operator.power}`);
  }
  const geometry = { batch: n, channels: c, pixels: h * w };
  const map = tape.transient([n, 1, h, w], `attention of ${f.label}`);
  tape.run(attentionMapKernel(geometry, operator), [f], [map]);
  return tape.differentiable([f], map, (dmap, backward) => {
    const addend = backward.take(0);
    const df = tape.transient(f.shape, `d ${f.label}`);
    tape.run(
      attentionMapGradientKernel(geometry, operator, addend !== undefined),
      [f, dmap, ...addend ? [addend] : []],
      [df],
    );
    return [df];
  });
}

/**
 * The distance of the student's and the teacher's maps (N,1,H,W), each divided by its L2 norm + 1e-6.
 * Maps of different sizes are brought to the smaller height and width by adaptive average pooling.
 * The teacher's map is a constant: no gradient reaches it.
 *
 * Given raw activations (N,C,H,W) in place of maps it compares those, C, H and W normalised together;
 * the mean then still divides by N, H and W alone, so that weights keep their meaning.
 *
 * @throws {ModelError} where the numbers of channels differ.
 */
export function attentionDistance(
  tape: Tape,
  student: Tensor,
  teacher: Tensor,
  distance: Distance = "mean",
): Tensor {
  const s = nchw(student);
  const t = nchw(teacher);
  if (s.n !== t.n) {
    throw new RangeError(`cannot compare attention of ${s.n} and ${t.n} samples`);
  }
  if (s.c !== t.c) {
    throw new ModelError(
      `cannot compare ${s.c} channels of ${student.label} with ${t.c} of the teacher's: expected ` +
        "equally many; distil attention maps instead",
    );
  }
  const size = { height: Math.min(s.h, t.h), width: Math.min(s.w, t.w) };
  const fit = (map: Tensor, { h, w }: { h: number; w: number }) =>
    h === size.height && w === size.width ? map : adaptiveAveragePool(tape, map, size);
  const a = fit(student, s);
  const b = fit(teacher, t);
  const batch = s.n;
  const pixels = size.height * size.width;
  const elements = s.c * pixels;
  const { count } = mapSegments(elements);
  const squaresOf = (map: Tensor) => {
    const squares = tape.transient([batch, count], `squares of ${map.label}`);
    tape.run(mapSquaresKernel(batch, elements), [map], [squares]);
    return squares;
  };
  const inputs = [a, b, squaresOf(a), squaresOf(b)];
  const distances = tape.transient([batch, count], `distances to ${student.label}`);
  const products = tape.transient([batch, count], `products with ${student.label}`);
  tape.run(attentionDistanceKernel(batch, elements), inputs, [distances, products]);
  const loss = tape.transient([1], `attention distance of ${student.label}`);
  if (distance === "mean") {
    tape.run(sumKernel(batch * count, 1 / (batch * pixels)), [distances], [loss]);
  } else {
    const norms = tape.transient([batch], `distance norms of ${student.label}`);
    tape.run(distanceNormsKernel(batch, elements), [distances], [norms]);
    tape.run(sumKernel(batch, 1), [norms], [loss]);
  }
  return tape.differentiable([a], loss, (dloss) => {
    const da = tape.transient(a.shape, `d ${a.label}`);
    const needed = [...inputs, products, ...distance === "l2" ? [distances] : [], dloss];
    tape.run(
      attentionDistanceGradientKernel({ batch, elements, pixels }, distance),
      needed,
      [da],
    );
    return [da];
  });
}
