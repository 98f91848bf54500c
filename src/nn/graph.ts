/**
 * A network as plain data: values and the operations between them, in an order of execution. About
 * twenty operators of our own; importers map the many spellings of other formats onto them. Nothing
 * here touches a GPU. Images are (N,C,H,W), always.
 */

/** Extent of a dimension; `"N"` is the number of images in a batch. */
export type Extent = number | "N";

/** Two numbers, for H and W. */
export type Pair = readonly [number, number];

/** Top, left, bottom, right: pixels. */
export type Sides = readonly [number, number, number, number];

/** An element-wise function of one argument, with its constants. */
export type ElementFunction =
  | { readonly name: "relu" }
  | { readonly name: "clip"; readonly minimum: number; readonly maximum: number }
  | { readonly name: "leakyRelu"; readonly slope: number }
  | { readonly name: "elu"; readonly alpha: number }
  | { readonly name: "selu"; readonly alpha: number; readonly gamma: number }
  | { readonly name: "hardSigmoid"; readonly alpha: number; readonly beta: number }
  | {
    readonly name:
      | "hardSwish"
      | "sigmoid"
      | "silu"
      | "gelu"
      | "tanh"
      | "erf"
      | "exp"
      | "log"
      | "sqrt"
      | "abs"
      | "negate"
      | "reciprocal"
      | "softplus"
      | "softsign";
  };

/** An element-wise function of two arguments, which are broadcast as NumPy does. */
export type BinaryFunction =
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "power"
  | "minimum"
  | "maximum";

/** Some of the elements along one dimension. */
export interface SliceRange {
  /** First index. */
  readonly start: number;
  /** How many. */
  readonly count: number;
  /** From one index to the next; may be negative. */
  readonly step: number;
}

/** What a node does. Inputs are named in brackets, those in parentheses may be missing. */
export type Operator =
  /** [x (N,C,H,W), w (K,C/groups,R,S), (b (K))] -> (N,K,OH,OW) */
  | {
    readonly kind: "convolution";
    readonly strides: Pair;
    readonly dilations: Pair;
    readonly pads: Sides;
    readonly groups: number;
  }
  /** Batch norm: [x (N,C,...), gamma, beta, running mean, running variance, each (C)]. */
  | {
    readonly kind: "norm";
    readonly epsilon: number;
    /** Share of the new batch in the running statistics, PyTorch's sense. */
    readonly momentum: number;
  }
  /** [x] */
  | { readonly kind: "element"; readonly function: ElementFunction }
  /** [x, slope]: x where positive, else slope x; the slope is broadcast to x. */
  | { readonly kind: "prelu" }
  /** [a, b] */
  | { readonly kind: "binary"; readonly function: BinaryFunction }
  /** [x (N,C,H,W)] -> (N,C,OH,OW) */
  | {
    readonly kind: "pool";
    readonly reduction: "max" | "mean";
    readonly window: Pair;
    readonly strides: Pair;
    readonly dilations: Pair;
    readonly pads: Sides;
    /** Whether a last window may reach beyond the padded image. */
    readonly ceil: boolean;
    /** Whether a mean counts padding. */
    readonly countPads: boolean;
  }
  /** PyTorch's `adaptive_avg_pool2d`: [x (N,C,H,W)] -> (N,C,height,width) */
  | { readonly kind: "adaptivePool"; readonly size: Pair }
  /** [x] over `axes`, which stay with extent 1 where `keep` says so. */
  | {
    readonly kind: "reduce";
    readonly function: "mean" | "sum" | "max" | "min";
    readonly axes: readonly number[];
    readonly keep: boolean;
  }
  /** [any number of tensors that differ along `axis` only] */
  | { readonly kind: "concat"; readonly axis: number }
  /** [x]: one range a dimension, or all of it. */
  | { readonly kind: "slice"; readonly ranges: readonly (SliceRange | "all")[] }
  /** [x], with `before` and `after` more elements in each dimension. */
  | {
    readonly kind: "pad";
    readonly mode: "constant" | "reflect" | "edge";
    readonly before: readonly number[];
    readonly after: readonly number[];
    readonly value: number;
  }
  /** [x (...,C), w, (b (K))] -> (...,K); w is (K,C), or (C,K) where `transposed`. */
  | { readonly kind: "linear"; readonly transposed: boolean }
  /** [a (...,M,C), b (...,C,K)] -> (...,M,K) */
  | { readonly kind: "matmul" }
  /** [x] */
  | { readonly kind: "transpose"; readonly permutation: readonly number[] }
  /** [x]: the same elements in the same order. */
  | { readonly kind: "reshape"; readonly shape: readonly Extent[] }
  /** [x], broadcast. */
  | { readonly kind: "expand"; readonly shape: readonly Extent[] }
  /** [x], along `axis`. */
  | { readonly kind: "softmax"; readonly axis: number; readonly log: boolean }
  /** [x, gamma, (beta)]: over all dimensions from `axis` on. */
  | { readonly kind: "layerNorm"; readonly axis: number; readonly epsilon: number }
  /** [x (N,C,...), gamma (C), beta (C)]: over each plane. */
  | { readonly kind: "instanceNorm"; readonly epsilon: number }
  /** [x]: in training each element is dropped with probability `ratio`. */
  | { readonly kind: "dropout"; readonly ratio: number };

/** What a value is to training. */
export type ValueRole =
  /** Computed, or the image. */
  | "data"
  /** Trained. */
  | "parameter"
  /** A running mean or variance. */
  | "statistic"
  /** Fixed; `GraphValue.data` has it. */
  | "constant";

/** A tensor of the network. */
export interface GraphValue {
  /** Of a parameter or statistic: that of its tensor in the file. */
  readonly name: string;
  /** Extents. */
  readonly shape: readonly Extent[];
  /** What it is to training. */
  readonly role: ValueRole;
  /** Elements of a constant. */
  readonly data?: Float32Array<ArrayBuffer>;
}

/** One operation; values are given by their index in `Graph.values`. */
export interface GraphNode {
  /** For messages; of an ONNX node its name, else that of its output. */
  readonly name: string;
  /** What it does. */
  readonly operator: Operator;
  /** As the operator lists them. */
  readonly inputs: readonly number[];
  /** The value that it computes. */
  readonly output: number;
}

/** A network. */
export interface Graph {
  /** All values; parameters and statistics in the order of first use. */
  readonly values: readonly GraphValue[];
  /** In an order of execution. */
  readonly nodes: readonly GraphNode[];
  /** The data that come from outside; of a classifier the images. */
  readonly inputs: readonly number[];
  /** Results; of a classifier the logits (N,K). */
  readonly outputs: readonly number[];
}

/** Number of elements; throws `RangeError` where it depends on the batch. */
export function fixedShape(shape: readonly Extent[]): number[] {
  return shape.map((extent) => {
    if (extent === "N") throw new RangeError("expected a shape that does not depend on the batch");
    return extent;
  });
}
