/** Each operator of a graph as kernels on a tape. */

import {
  clipFunction,
  type ElementFunctionText,
  eluFunction,
  hardSigmoidFunction,
  leakyReluFunction,
  plainFunction,
} from "../../shaders/element_functions.ts";
import { centeredBatchNorm, type Mode } from "../tensor/operations/batch_norm.ts";
import { convolution } from "../tensor/operations/convolution.ts";
import { relu } from "../tensor/operations/elementwise.ts";
import { binary, elementFunction } from "../tensor/operations/functions.ts";
import { generalConvolution } from "../tensor/operations/general_convolution.ts";
import { denseLayer, matrixProduct } from "../tensor/operations/matrix_product.ts";
import { concat, expand, pad, padFromInside, slice, transpose } from "../tensor/operations/move.ts";
import { adaptiveAveragePool, globalPool } from "../tensor/operations/pool.ts";
import { reduce } from "../tensor/operations/reduce.ts";
import { dropout, normalizeRows, softmax } from "../tensor/operations/rows.ts";
import { windowPool } from "../tensor/operations/window_pool.ts";
import type { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ElementFunction, type Extent, fixedShape, type Operator } from "./graph.ts";
import { broadcastShape, windowPositions } from "./graph_shapes.ts";

/** What recording depends on besides the operator. */
export interface RecordContext {
  /** Whether norms take the batch's statistics, and dropout drops. */
  readonly mode: Mode;
  /** Tells the network's dropouts apart. */
  readonly seed: number;
}

/** The operator for a batch of n images. */
export function withBatch(operator: Operator, n: number): Operator {
  if (operator.kind !== "reshape" && operator.kind !== "expand") return operator;
  const shape = operator.shape.map((extent: Extent) => extent === "N" ? n : extent);
  return { ...operator, shape };
}

function functionText(f: ElementFunction): ElementFunctionText {
  switch (f.name) {
    case "clip":
      return clipFunction(f.minimum, f.maximum);
    case "leakyRelu":
      return leakyReluFunction(f.slope);
    case "elu":
      return eluFunction(f.alpha);
    case "selu":
      return eluFunction(f.alpha, f.gamma);
    case "hardSigmoid":
      return hardSigmoidFunction(f.alpha, f.beta);
    default:
      return plainFunction(f.name);
  }
}

/** A vector of channels as a tensor that broadcasts to (N,C,...). */
const perChannel = (tape: Tape, vector: Tensor, rank: number) =>
  tape.view(vector, [vector.shape[0]!, ...Array<number>(rank - 2).fill(1)]);

/** True of convolutions that have the fast kernels: square, odd, one group, equal on all sides. */
function isPlain(op: Operator & { kind: "convolution" }, w: Tensor): boolean {
  const [, , rows = 0, columns = 0] = w.shape;
  return op.groups === 1 && rows === columns && rows % 2 === 1 &&
    op.strides[0] === op.strides[1] && op.dilations.every((dilation) => dilation === 1) &&
    op.pads.every((side) => side === op.pads[0]);
}

function recordConvolution(
  tape: Tape,
  op: Operator & { kind: "convolution" },
  x: Tensor,
  w: Tensor,
  b: Tensor | undefined,
  mode: Mode,
): Tensor {
  if (!isPlain(op, w)) return generalConvolution(tape, x, w, b, op);
  const statistics = mode === "training" && b === undefined;
  const y = convolution(tape, x, w, { stride: op.strides[0], padding: op.pads[0], statistics });
  return b ? binary(tape, "add", y, perChannel(tape, b, 4)) : y;
}

/** Batch norm of a tensor of any rank, as if of images. */
function recordNorm(
  tape: Tape,
  op: Operator & { kind: "norm" },
  inputs: readonly Tensor[],
  mode: Mode,
): Tensor {
  const [x, gamma, beta, runningMean, runningVariance] = inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const tensors = { gamma, beta, runningMean, runningVariance, constants: op };
  const [n = 1, c = 1, ...rest] = x.shape;
  const pixels = rest.reduce((product, extent) => product * extent, 1);
  const maps = rest.length === 2 ? x : tape.view(x, [n, c, pixels, 1]);
  const y = centeredBatchNorm(tape, maps, tensors, mode);
  return rest.length === 2 ? y : tape.view(y, x.shape);
}

/** x scaled and shifted by tensors that broadcast to it. */
function affine(tape: Tape, x: Tensor, gamma: Tensor, beta: Tensor | undefined): Tensor {
  const scaled = binary(tape, "multiply", x, gamma);
  return beta ? binary(tape, "add", scaled, beta) : scaled;
}

/**
 * Records an operator, whose shapes hold numbers only.
 *
 * @throws {RangeError} where the inputs do not fit.
 */
export function recordOperator(
  tape: Tape,
  op: Operator,
  inputs: readonly Tensor[],
  { mode, seed }: RecordContext,
): Tensor {
  const [x, second, third] = inputs as [Tensor, Tensor, Tensor | undefined];
  switch (op.kind) {
    case "convolution":
      return recordConvolution(tape, op, x, second, third, mode);
    case "norm":
      return recordNorm(tape, op, inputs, mode);
    case "element":
      return op.function.name === "relu"
        ? relu(tape, x)
        : elementFunction(tape, x, functionText(op.function));
    case "prelu":
      return binary(tape, "prelu", x, second);
    case "binary":
      return binary(tape, op.function, x, second);
    case "pool": {
      const [, , height = 0, width = 0] = x.shape;
      return windowPool(tape, x, {
        ...op,
        outHeight: windowPositions(height, 0, op),
        outWidth: windowPositions(width, 1, op),
      });
    }
    case "adaptivePool":
      return adaptiveAveragePool(tape, x, { height: op.size[0], width: op.size[1] });
    case "reduce": {
      const overPlane = x.shape.length === 4 && op.axes.join() === "2,3";
      if (op.function !== "mean" || !overPlane) {
        return reduce(tape, x, op.function, op.axes, op.keep);
      }
      const pooled = globalPool(tape, x);
      return op.keep ? tape.view(pooled, [...pooled.shape, 1, 1]) : pooled;
    }
    case "concat":
      return concat(tape, inputs, op.axis);
    case "slice":
      return slice(
        tape,
        x,
        op.ranges.map((range, i) =>
          range === "all" ? { start: 0, count: x.shape[i]!, step: 1 } : range
        ),
      );
    case "pad":
      return op.mode === "constant"
        ? pad(tape, x, op.before, op.after, op.value)
        : padFromInside(tape, x, op.before, op.after, op.mode);
    case "linear":
      return denseLayer(tape, x, second, third, op.transposed);
    case "matmul":
      return matrixProduct(tape, x, second);
    case "transpose":
      return transpose(tape, x, op.permutation);
    case "reshape":
      return tape.view(x, fixedShape(op.shape));
    case "expand":
      // The shape asked for may have an extent of 1 where x has more.
      return expand(tape, x, broadcastShape(x.shape, fixedShape(op.shape)));
    case "softmax":
      return softmax(tape, x, op.axis, op.log);
    case "layerNorm":
      return affine(tape, normalizeRows(tape, x, op.axis, op.epsilon), second, third);
    case "instanceNorm": {
      const rank = x.shape.length;
      const beta = third && perChannel(tape, third, rank);
      const normal = normalizeRows(tape, x, 2, op.epsilon);
      return affine(tape, normal, perChannel(tape, second, rank), beta);
    }
    case "dropout":
      return mode === "training" ? dropout(tape, x, op.ratio, seed) : x;
  }
}
