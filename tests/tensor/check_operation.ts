/** Compares an operation and its gradients with a float64 function of the same inputs. */

import { dot, numericalGradient } from "../reference/finite_differences.ts";
import { assertNear } from "../reference/compare.ts";
import { differentiate, type Input } from "./record.ts";
import type { Tape } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** What to compare. */
export interface OperationCheck {
  readonly inputs: readonly Input[];
  readonly operation: (tape: Tape, ...inputs: Tensor[]) => Tensor;
  readonly reference: (...inputs: Float64Array[]) => Float64Array;
  /** Inputs whose gradient is compared; by default all. */
  readonly sources?: readonly number[];
  /** Largest error, as a share of the largest magnitude. Default 1e-5. */
  readonly tolerance?: number;
}

/** Throws unless result and gradients agree; gradients with central differences in float64. */
export async function checkOperation(check: OperationCheck): Promise<void> {
  const { inputs, operation, reference, tolerance = 1e-5 } = check;
  const sources = check.sources ?? inputs.map((_, i) => i);
  const { y, weights, gradients } = await differentiate(inputs, operation, sources);
  const values = inputs.map((input) => Float64Array.from(input.values));
  assertNear(y, reference(...values), tolerance, "result");
  const loss = (...moved: Float64Array[]) => dot(reference(...moved), weights);
  for (const [i, source] of sources.entries()) {
    const expected = numericalGradient(loss, values, source);
    assertNear(gradients[i]!, expected, tolerance, `gradient of input ${source}`);
  }
}
