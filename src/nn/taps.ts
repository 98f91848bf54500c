/** The shapes of a network's taps, without a device: the forward pass is recorded and thrown away. */

import { Tape } from "../tensor/tape.ts";
import type { Shape } from "../tensor/tensor.ts";
import type { Architecture } from "./architecture.ts";

/** Enough to record with; nothing is ever run. */
const CAPABILITIES = { subgroupSize: 0, maxInvocations: 256 };

/** (C,H,W) of each tap for images of `height` x `width` pixels, in the order of the forward pass. */
export function tapShapes(
  { entries, forward }: Architecture,
  { height, width }: { readonly height: number; readonly width: number },
): Shape[] {
  const tape = new Tape(CAPABILITIES);
  const state = new Map(
    entries.map(({ name, shape }) => [name, tape.transient(shape, name)]),
  );
  const x = tape.transient([1, 3, height, width], "an image");
  return forward(tape, (name) => state.get(name)!, x, "evaluation").taps
    .map(({ shape }) => shape.slice(1));
}
