/** Products of matrices, and the linear layer made of one. */

import { matrixProductKernel } from "../../../shaders/matrix_product.ts";
import type { Tape } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { binary } from "./functions.ts";
import { expand } from "./move.ts";

/** Which factors are stored with rows and columns exchanged. */
export interface Transposed {
  readonly a?: boolean;
  readonly b?: boolean;
}

const product = (shape: readonly number[]) => shape.reduce((total, extent) => total * extent, 1);

/** a (batch,M,C), b (batch,C,K) -> (batch,M,K); stored transposed where said so. */
function batchedProduct(tape: Tape, a: Tensor, b: Tensor, transposed: Transposed): Tensor {
  const { a: transposeA = false, b: transposeB = false } = transposed;
  const [batch = 0, first = 0, second = 0] = a.shape;
  const [rows, inner] = transposeA ? [second, first] : [first, second];
  const [bBatch = 0, bFirst = 0, bSecond = 0] = b.shape;
  const [bInner, columns] = transposeB ? [bSecond, bFirst] : [bFirst, bSecond];
  if (bBatch !== batch || bInner !== inner) {
    throw new RangeError(
      `cannot multiply ${a.label} [${a.shape.join(", ")}] by ${b.label} [${b.shape.join(", ")}]`,
    );
  }
  const y = tape.transient([batch, rows, columns], `${a.label} times ${b.label}`);
  tape.run(
    matrixProductKernel({ batch, rows, inner, columns, transposeA, transposeB }),
    [a, b],
    [y],
  );
  return tape.differentiable([a, b], y, (dy, backward) => {
    const gradient = (left: Tensor, right: Tensor, flags: Required<Transposed>, of: Tensor) => {
      const [n = 0, m = 0, k = 0] = of.shape;
      const d = tape.transient(of.shape, `d ${of.label}`);
      const depth = flags.a ? left.shape[1]! : left.shape[2]!;
      tape.run(
        matrixProductKernel({
          batch: n,
          rows: m,
          inner: depth,
          columns: k,
          transposeA: flags.a,
          transposeB: flags.b,
        }),
        [left, right],
        [d],
      );
      return d;
    };
    const da = !backward.wanted(0)
      ? undefined
      : transposeA
      ? gradient(b, dy, { a: transposeB, b: true }, a)
      : gradient(dy, b, { a: false, b: !transposeB }, a);
    const db = !backward.wanted(1)
      ? undefined
      : transposeB
      ? gradient(dy, a, { a: true, b: transposeA }, b)
      : gradient(a, dy, { a: !transposeA, b: false }, b);
    return [da, db];
  });
}

/** a (...,M,C), b (...,C,K) -> (...,M,K), leading dimensions broadcast. */
export function matrixProduct(tape: Tape, a: Tensor, b: Tensor): Tensor {
  const rank = Math.max(a.shape.length, b.shape.length) - 2;
  const leading = Array.from(
    { length: rank },
    (_, i) =>
      Math.max(
        a.shape[i - rank + a.shape.length - 2] ?? 1,
        b.shape[i - rank + b.shape.length - 2] ?? 1,
      ),
  );
  const spread = (x: Tensor) => {
    const matrix = x.shape.slice(-2);
    const shape = [...leading, ...matrix];
    const wide = product(x.shape) === product(shape) ? x : expand(tape, x, shape);
    return tape.view(wide, [product(leading), ...matrix]);
  };
  const y = batchedProduct(tape, spread(a), spread(b), {});
  return tape.view(y, [...leading, a.shape.at(-2)!, b.shape.at(-1)!]);
}

/** x (...,C), w (K,C), or (C,K) where `transposed`, b (K) -> x wᵀ + b (...,K) */
export function denseLayer(
  tape: Tape,
  x: Tensor,
  w: Tensor,
  b: Tensor | undefined,
  transposed: boolean,
): Tensor {
  const channels = x.shape.at(-1) ?? 1;
  const rows = tape.view(x, [1, product(x.shape) / channels, channels]);
  const matrix = tape.view(w, [1, ...w.shape]);
  const y = batchedProduct(tape, rows, matrix, { b: !transposed });
  const result = tape.view(y, [...x.shape.slice(0, -1), y.shape[2]!]);
  return b ? binary(tape, "add", result, b) : result;
}
