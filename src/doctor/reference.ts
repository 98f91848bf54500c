/** Slow and obvious float64 versions of the main operations, to hold a device's results against. */

/** Shapes of a square convolution: x (N,C,S,S), w (K,C,R,R), padding (R-1)/2. */
export interface ConvolutionShape {
  readonly batch: number;
  readonly inChannels: number;
  readonly side: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
}

/** Side of the output. */
export function outputSide({ side, kernel, stride }: ConvolutionShape): number {
  const padding = (kernel - 1) / 2;
  return Math.floor((side + 2 * padding - kernel) / stride) + 1;
}

/** Calls `visit` with the flat indices into x, w and y of every product of the convolution. */
function forEachProduct(
  shape: ConvolutionShape,
  visit: (x: number, w: number, y: number) => void,
): void {
  const { batch, inChannels, side, outChannels, kernel, stride } = shape;
  const out = outputSide(shape);
  const padding = (kernel - 1) / 2;
  for (let n = 0; n < batch; n++) {
    for (let k = 0; k < outChannels; k++) {
      for (let c = 0; c < inChannels; c++) {
        for (let tap = 0; tap < kernel * kernel; tap++) {
          const down = Math.floor(tap / kernel) - padding;
          const right = tap % kernel - padding;
          for (let i = 0; i < out * out; i++) {
            const row = Math.floor(i / out) * stride + down;
            const column = i % out * stride + right;
            if (row < 0 || row >= side || column < 0 || column >= side) continue;
            visit(
              ((n * inChannels + c) * side + row) * side + column,
              (k * inChannels + c) * kernel * kernel + tap,
              (n * outChannels + k) * out * out + i,
            );
          }
        }
      }
    }
  }
}

/** y of x and w, and dx and dw of dy. */
export function convolutionReference(
  shape: ConvolutionShape,
  { x, w, dy }: { x: Float32Array; w: Float32Array; dy: Float32Array },
): { y: Float64Array; dx: Float64Array; dw: Float64Array } {
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  forEachProduct(shape, (i, j, o) => {
    y[o]! += x[i]! * w[j]!;
    dx[i]! += dy[o]! * w[j]!;
    dw[j]! += dy[o]! * x[i]!;
  });
  return { y, dx, dw };
}

/** relu(gamma (x - mean) / sqrt(variance + 1e-5) + beta) by the statistics of the batch; (N,C,P). */
export function batchNormReference(
  { batch, channels, pixels }: { batch: number; channels: number; pixels: number },
  { x, gamma, beta }: { x: Float32Array; gamma: Float32Array; beta: Float32Array },
): Float64Array {
  const y = new Float64Array(x.length);
  for (let c = 0; c < channels; c++) {
    const indices = Array.from(
      { length: batch * pixels },
      (_, i) => (Math.floor(i / pixels) * channels + c) * pixels + i % pixels,
    );
    const mean = indices.reduce((sum, i) => sum + x[i]!, 0) / indices.length;
    const variance = indices.reduce((sum, i) => sum + (x[i]! - mean) ** 2, 0) / indices.length;
    for (const i of indices) {
      const normalised = (x[i]! - mean) / Math.sqrt(variance + 1e-5);
      y[i] = Math.max(0, gamma[c]! * normalised + beta[c]!);
    }
  }
  return y;
}

/** The mean cross-entropy of the logits x wᵀ + b, with x (N,C), w (K,C), b (K). */
export function classifierReference(
  { x, w, b }: { x: Float32Array; w: Float32Array; b: Float32Array },
  labels: Uint32Array,
): number {
  const inputs = x.length / labels.length;
  let loss = 0;
  for (const [n, label] of labels.entries()) {
    const logits = Array.from(b, (bias, k) => {
      let sum = bias;
      for (let c = 0; c < inputs; c++) sum += x[n * inputs + c]! * w[k * inputs + c]!;
      return sum;
    });
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    loss += Math.log(total) - logits[label]!;
  }
  return loss / labels.length;
}

/** The mean squared difference of the normalised attention Σ_c f² of two activations (N,C,P). */
export function attentionReference(
  { batch, channels, pixels }: { batch: number; channels: number; pixels: number },
  student: Float32Array,
  teacher: Float32Array,
): number {
  const normalised = (f: Float32Array, n: number) => {
    const map = new Float64Array(pixels);
    for (let i = 0; i < channels * pixels; i++) {
      map[i % pixels]! += f[n * channels * pixels + i]! ** 2;
    }
    const norm = Math.sqrt(map.reduce((sum, value) => sum + value ** 2, 0)) + 1e-6;
    return map.map((value) => value / norm);
  };
  let sum = 0;
  for (let n = 0; n < batch; n++) {
    const other = normalised(teacher, n);
    sum += normalised(student, n).reduce((total, a, p) => total + (a - other[p]!) ** 2, 0);
  }
  return sum / (batch * pixels);
}
