/** Which convolution is wanted: its shapes, its direction and what is fused with it. */

/** Shapes of a square 2-D convolution without bias: x (N,C,H,W), w (K,C,R,R), y (N,K,OH,OW). */
export interface ConvolutionGeometry {
  /** N */
  readonly batch: number;
  /** C */
  readonly inChannels: number;
  /** H */
  readonly height: number;
  /** W */
  readonly width: number;
  /** K */
  readonly outChannels: number;
  /** R, odd */
  readonly kernelSize: number;
  /** Pixels between neighbouring windows, in both directions. */
  readonly stride: number;
  /** Zeros on each side. */
  readonly padding: number;
}

/** Height and width of the output: floor((extent + 2 padding - R) / stride) + 1. */
export function outputExtent(geometry: ConvolutionGeometry): { height: number; width: number } {
  const { height, width, kernelSize, stride, padding } = geometry;
  return {
    height: Math.floor((height + 2 * padding - kernelSize) / stride) + 1,
    width: Math.floor((width + 2 * padding - kernelSize) / stride) + 1,
  };
}

/** What a forward kernel does besides the convolution. */
export interface ForwardFusion {
  /**
   * Reads x as relu(scale[c] x + shift[c]), with `coefficients` (2,C): scale, then shift. Padding is
   * zero after this transformation.
   */
  readonly normaliseInput?: boolean;
  /** Adds `residual` (N,K,OH,OW) to y. */
  readonly addResidual?: boolean;
  /**
   * Also writes `statistics` (parts,K,2): mean and sum of squared deviations from it, of the values
   * of y that each part holds, for Chan's formula to merge.
   */
  readonly statistics?: boolean;
}

/** What an input-gradient kernel does besides the convolution. */
export interface InputGradientFusion {
  /** Adds `addend` (N,C,H,W) to dx, before what `normalised` does. */
  readonly addAddend?: boolean;
  /**
   * The input of the convolution was relu(scale[c] x + shift[c]), with `coefficients` (3,C): scale,
   * shift, mean. Writes dz = dx [scale x + shift > 0] in place of dx, and `sums` (parts,C,2): the
   * sums of dz and of dz (x - mean[c]) over each part.
   */
  readonly normalised?: boolean;
}

/** What a weight-gradient kernel does besides. */
export interface WeightGradientFusion {
  /** As in {@linkcode ForwardFusion}. */
  readonly normaliseInput?: boolean;
}

/** A convolution for which a kernel is to be chosen. */
export type ConvolutionUse =
  & { readonly geometry: ConvolutionGeometry }
  & (
    | { readonly direction: "forward"; readonly fusion: ForwardFusion }
    | { readonly direction: "inputGradient"; readonly fusion: InputGradientFusion }
    | { readonly direction: "weightGradient"; readonly fusion: WeightGradientFusion }
  );

/** What a convolution kernel computes, and how. */
export type ConvolutionFacts = ConvolutionUse & {
  /** Kernel family. */
  readonly variant: string;
  /** What tells it from the family's other kernels for the same use; empty where there is but one. */
  readonly tile: string;
};

/** Name of a kernel among all that can do the same use. */
export function candidateName({ variant, tile }: ConvolutionFacts): string {
  return tile === "" ? variant : `${variant} ${tile}`;
}

/** What a convolution kernel binds. */
export type ConvolutionBinding =
  | "x"
  | "w"
  | "y"
  | "dx"
  | "dy"
  | "dw"
  | "coefficients"
  | "residual"
  | "addend"
  | "statistics"
  | "sums";

/**
 * The buffers of a use in the order in which every kernel for it binds them. Of a weight gradient,
 * `dw` is in parts where the kernel says so.
 */
export function convolutionBindings(
  use: ConvolutionUse,
): { reads: ConvolutionBinding[]; writes: ConvolutionBinding[] } {
  switch (use.direction) {
    case "forward": {
      const { normaliseInput, addResidual, statistics } = use.fusion;
      return {
        reads: [
          "x",
          "w",
          ...normaliseInput ? ["coefficients"] as const : [],
          ...addResidual ? ["residual"] as const : [],
        ],
        writes: ["y", ...statistics ? ["statistics"] as const : []],
      };
    }
    case "inputGradient": {
      const { addAddend, normalised } = use.fusion;
      return {
        reads: [
          "dy",
          "w",
          ...addAddend ? ["addend"] as const : [],
          ...normalised ? ["x", "coefficients"] as const : [],
        ],
        writes: ["dx", ...normalised ? ["sums"] as const : []],
      };
    }
    case "weightGradient": {
      const { normaliseInput } = use.fusion;
      return {
        reads: ["x", "dy", ...normaliseInput ? ["coefficients"] as const : []],
        writes: ["dw"],
      };
    }
  }
}

/** The three directions in words. */
export const DIRECTIONS = {
  forward: "forward",
  inputGradient: "input gradient",
  weightGradient: "weight gradient",
} as const satisfies Record<ConvolutionUse["direction"], string>;

/** Shapes in short, `64x16x32x32 -> 16, 3x3`. */
export function geometryText(geometry: ConvolutionGeometry): string {
  const { batch, inChannels, height, width, outChannels, kernelSize, stride } = geometry;
  return `${batch}x${inChannels}x${height}x${width} -> ${outChannels}, ` +
    `${kernelSize}x${kernelSize}${stride === 1 ? "" : ` stride ${stride}`}`;
}

/** Label of a kernel. */
export function convolutionLabel(facts: ConvolutionFacts): string {
  return `convolution ${DIRECTIONS[facts.direction]} ${candidateName(facts)} ` +
    geometryText(facts.geometry);
}
