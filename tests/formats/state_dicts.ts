/** Random state dicts for property tests. */

import fc from "npm:fast-check@4.10.2";
import { decodeElements, ELEMENT_BYTES } from "../../src/formats/elements.ts";
import {
  elementCount,
  type HostDtype,
  type HostTensor,
  type StateDict,
} from "../../src/formats/host_tensor.ts";

/** Every element type. */
export const DTYPES = Object.keys(ELEMENT_BYTES) as HostDtype[];

/**
 * Tensors of one type and arbitrary bits, NaNs of the half types excepted: they are widened on
 * reading, and which of the many NaNs comes back is left open.
 */
export function tensors(dtypes: readonly HostDtype[] = DTYPES): fc.Arbitrary<HostTensor> {
  return fc.record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.infiniteStream(fc.nat({ max: 255 })),
  }).map(({ dtype, shape, seed }) => {
    const bytes = new Uint8Array(elementCount(shape) * ELEMENT_BYTES[dtype]);
    for (let i = 0; i < bytes.length; i++) bytes[i] = seed.next().value as number;
    const data = decodeElements(bytes, dtype);
    if (dtype === "float16" || dtype === "bfloat16") {
      data.forEach((value, i) => {
        if (Number.isNaN(value)) data[i] = 0;
      });
    }
    return { dtype, shape, data };
  });
}

/** Up to five tensors under arbitrary names. */
export function stateDicts(): fc.Arbitrary<StateDict> {
  const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter((name) => name !== "__metadata__");
  return fc.uniqueArray(fc.tuple(names, tensors()), { maxLength: 5, selector: ([name]) => name })
    .map((entries) => new Map(entries));
}
