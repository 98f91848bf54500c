/** Training the middle of a curve between two networks, and the points on it. */

import { curveGradientKernel, curvePointKernel } from "../../shaders/curve.ts";
import { RandomPurpose, RandomStream } from "../data/random.ts";
import type { BufferRange, Gpu } from "../gpu/gpu.ts";
import type { Scope } from "../gpu/scope.ts";
import { flatLayout, type Model } from "../nn/model.ts";
import type { Tape } from "../tensor/tape.ts";
import { locatedTensor, type Tensor } from "../tensor/tensor.ts";

/** The fixed ends of a curve, laid out as the parameters of the network in its middle. */
export interface CurveEnds {
  /** At t = 0. */
  readonly start: BufferRange;
  /** At t = 1. */
  readonly end: BufferRange;
}

/** The part of a training step that belongs to a curve. */
export interface CurveSteps {
  /** The parameters at the step's point of the curve, by name. */
  readonly lookup: (name: string) => Tensor;
  /** Draws the points of an epoch, t uniform in [0,1). */
  startEpoch(gpu: Gpu, epoch: number, seed: number): void;
  /** Records how gradients at the point become gradients of the middle. */
  recordGradients(gradients: Tensor): void;
}

/** Records the point of the curve at which the step's forward pass runs. */
export function recordCurvePoint(
  scope: Scope,
  tape: Tape,
  model: Model,
  ends: CurveEnds,
  { steps, state }: { steps: number; state: Tensor },
): CurveSteps {
  const { elements, offsets } = flatLayout(model.architecture, "parameter");
  const range = scope.buffer(elements * 4, "point of the curve");
  const positionsRange = scope.buffer(steps * 4, "positions on the curve");
  const whole = (at: BufferRange, label: string) => locatedTensor([elements], at, label);
  const positions = locatedTensor([steps], positionsRange, "positions on the curve");
  tape.run(curvePointKernel(elements, steps), [
    whole(ends.start, "start of the curve"),
    whole(model.parameters, "middle of the curve"),
    whole(ends.end, "end of the curve"),
    positions,
    state,
  ], [whole(range, "point of the curve")]);
  const point = new Map<string, Tensor>();
  for (const [name, tensor] of model.tensors) {
    const first = offsets.get(name);
    point.set(
      name,
      first === undefined ? tensor : locatedTensor(
        tensor.shape,
        { buffer: range.buffer, offset: first * 4, size: tensor.location!.size },
        name,
      ),
    );
  }
  return {
    lookup: (name) => point.get(name)!,
    startEpoch(gpu, epoch, seed) {
      const random = new RandomStream(seed, RandomPurpose.curve, epoch);
      gpu.write(positionsRange, Float32Array.from({ length: steps }, () => random.uniform()));
    },
    recordGradients(gradients) {
      tape.run(curveGradientKernel(elements, steps), [positions, state], [gradients]);
    },
  };
}

/** The parameters at φ(t) of a curve, from those at its start, middle and end. */
export function curvePoint(
  start: Float32Array,
  middle: Float32Array,
  end: Float32Array,
  t: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    middle,
    (value, i) => (1 - t) ** 2 * start[i]! + 2 * t * (1 - t) * value + t ** 2 * end[i]!,
  );
}
