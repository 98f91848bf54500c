/** A training snapshot as one safetensors file, so that it is replaced as a whole or not at all. */

import { FormatError } from "../errors.ts";
import type { StateDict } from "../formats/host_tensor.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import type { Kept } from "./selection.ts";
import type { Snapshot } from "./train.ts";

/** A snapshot and the part of the run that it belongs to. */
export interface PhaseSnapshot extends Snapshot {
  /** For example `teacher` or `student`. */
  readonly phase: string;
}

const STATE = "state/";
const VELOCITY = "velocity/";
const AVERAGE = "average/";
const KEPT = "kept/";

/** The bytes of a snapshot file. */
export function encodeSnapshot(snapshot: PhaseSnapshot): Uint8Array<ArrayBuffer> {
  const tensors: StateDict = new Map();
  for (const [name, tensor] of snapshot.state) tensors.set(STATE + name, tensor);
  for (const [name, tensor] of snapshot.velocity) tensors.set(VELOCITY + name, tensor);
  for (const [name, tensor] of snapshot.average ?? []) tensors.set(AVERAGE + name, tensor);
  const metadata = new Map([["phase", snapshot.phase], ["epoch", String(snapshot.epoch)]]);
  if (snapshot.kept) {
    const { state, ...choice } = snapshot.kept;
    for (const [name, tensor] of state) tensors.set(KEPT + name, tensor);
    metadata.set("kept", JSON.stringify(choice));
  }
  return writeSafetensors(tensors, metadata);
}

/**
 * Reads what {@linkcode encodeSnapshot} wrote.
 *
 * @throws {FormatError} where the bytes are no snapshot.
 */
export function decodeSnapshot(bytes: Uint8Array, source: string): PhaseSnapshot {
  const { tensors, metadata } = readSafetensors(bytes, source);
  const phase = metadata.get("phase");
  const epoch = Number(metadata.get("epoch"));
  if (phase === undefined || !Number.isInteger(epoch)) {
    throw new FormatError(
      `cannot resume from ${source}: found no phase and epoch in it, expected a training snapshot`,
    );
  }
  const part = (prefix: string): StateDict =>
    new Map(
      [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [
        name.slice(prefix.length),
        tensor,
      ]),
    );
  const choice = metadata.get("kept");
  const kept: Kept | undefined = choice === undefined
    ? undefined
    : { ...JSON.parse(choice), state: part(KEPT) };
  const average = part(AVERAGE);
  return {
    phase,
    epoch,
    state: part(STATE),
    velocity: part(VELOCITY),
    ...average.size > 0 ? { average } : {},
    kept,
  };
}
