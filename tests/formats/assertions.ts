/** Assertions that the tests of every format share. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import type { HostArray, HostDtype, HostTensor, StateDict } from "../../src/formats/host_tensor.ts";

/** A small tensor; `data` decides how many elements there are. */
export function tensor(dtype: HostDtype, shape: readonly number[], data: HostArray): HostTensor {
  return { dtype, shape, data };
}

/** Same names in the same order, same types, shapes and bits. */
export function assertSameTensors(found: StateDict, expected: StateDict): void {
  assert.deepEqual([...found.keys()], [...expected.keys()]);
  for (const [name, { dtype, shape, data }] of expected) {
    const other = found.get(name)!;
    assert.equal(other.dtype, dtype, name);
    assert.deepEqual(other.shape, shape, name);
    assert.equal(other.data.constructor, data.constructor, name);
    const bits = ({ buffer, byteOffset, byteLength }: HostArray) =>
      new Uint8Array(buffer, byteOffset, byteLength);
    assert.deepEqual(bits(other.data), bits(data), name);
  }
}

/**
 * `body` throws a FormatError whose message matches `pattern`, names the file `source`, fits one
 * line and has no trailing full stop.
 */
export function assertRefused(body: () => unknown, pattern: RegExp, source = "a file"): void {
  assert.throws(body, (error) => {
    assert.ok(error instanceof FormatError, String(error));
    assert.match(error.message, pattern);
    assert.ok(error.message.includes(source), error.message);
    assert.match(error.message, /^cannot read [^\n]*[^.\n]$/);
    return true;
  });
}
