/**
 * A training snapshot as one safetensors file, so that it is replaced as a whole or not at all. It
 * holds the SHA-256 of its own bytes: a resume from a damaged one would end in another network.
 */

import { FormatError } from "../errors.ts";
import { elementCount, type StateDict } from "../formats/host_tensor.ts";
import { readSafetensors, writeSafetensors } from "../formats/safetensors.ts";
import type { Architecture } from "../nn/architecture.ts";
import { checkState } from "../nn/state.ts";
import { parseJson } from "../formats/json.ts";
import { quoted, shown } from "../text/quoted.ts";
import type { Kept } from "../train/selection.ts";
import type { PhaseSnapshot } from "../train/train.ts";
import { sha256 } from "./digest.ts";
import { matching, number, object, whole } from "./schema.ts";

const STATE = "state/";
const VELOCITY = "velocity/";
const AVERAGE = "average/";
const KEPT = "kept/";

/** What stands in the file in place of its digest while that is computed. */
const NO_DIGEST = "0".repeat(64);
const DIGEST_KEY = "sha256";

const encode = (text: string) => new TextEncoder().encode(text);

/** The bytes of a snapshot file. */
export async function encodeSnapshot(
  snapshot: PhaseSnapshot,
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors: StateDict = new Map();
  for (const [name, tensor] of snapshot.state) tensors.set(STATE + name, tensor);
  for (const [name, tensor] of snapshot.velocity) tensors.set(VELOCITY + name, tensor);
  for (const [name, tensor] of snapshot.average ?? []) tensors.set(AVERAGE + name, tensor);
  const metadata = new Map([
    [DIGEST_KEY, NO_DIGEST],
    ["phase", snapshot.phase],
    ["epoch", String(snapshot.epoch)],
  ]);
  if (snapshot.kept) {
    const { state, ...choice } = snapshot.kept;
    for (const [name, tensor] of state) tensors.set(KEPT + name, tensor);
    metadata.set("kept", JSON.stringify(choice));
  }
  const bytes = writeSafetensors(tensors, metadata);
  bytes.set(encode(await sha256(bytes)), placeOf(NO_DIGEST, bytes));
  return bytes;
}

/** Where the digest stands: in the metadata, which begin the file. */
function placeOf(digest: string, bytes: Uint8Array): number {
  const [wanted, start] = [encode(`"${DIGEST_KEY}":"${digest}"`), bytes.subarray(0, 4096)];
  const place = start.findIndex((_, i) => wanted.every((byte, j) => start[i + j] === byte));
  return place + wanted.length - digest.length - 1;
}

/** Whether the bytes are those that had this digest when zeros stood in its place. */
async function isWhole(bytes: Uint8Array, digest: string): Promise<boolean> {
  const written = Uint8Array.from(bytes);
  written.set(encode(NO_DIGEST), placeOf(digest, bytes));
  return await sha256(written) === digest;
}

/** A snapshot out of a file, and whether its digest said that it is whole. */
export interface ReadSnapshot {
  /** What the file holds. */
  readonly snapshot: PhaseSnapshot;
  /** False for a file of an earlier version, which has no digest. */
  readonly checked: boolean;
}

/**
 * Reads what {@linkcode encodeSnapshot} wrote.
 *
 * @throws {FormatError} where the bytes are no snapshot, or not those that were written.
 */
export async function decodeSnapshot(bytes: Uint8Array, source: string): Promise<ReadSnapshot> {
  const attempt = `cannot resume from ${shown(source)}`;
  const { tensors, metadata } = readSafetensors(bytes, source);
  const digest = metadata.get(DIGEST_KEY);
  if (digest !== undefined && !await isWhole(bytes, digest)) {
    throw new FormatError(`${attempt}: it is damaged, its bytes are not those that were written`);
  }
  const phase = metadata.get("phase");
  const epoch = Number(metadata.get("epoch"));
  if (phase === undefined || !(Number.isSafeInteger(epoch) && epoch > 0)) {
    throw new FormatError(
      `${attempt}: found no phase and epoch in it, expected a training snapshot`,
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
  const kept = choice === undefined
    ? undefined
    : { ...choiceOf(choice, epoch, attempt), state: part(KEPT) };
  const average = part(AVERAGE);
  const snapshot = {
    phase,
    epoch,
    state: part(STATE),
    velocity: part(VELOCITY),
    ...average.size > 0 ? { average } : {},
    kept,
  };
  return { snapshot, checked: digest !== undefined };
}

function choiceOf(text: string, epoch: number, attempt: string): Omit<Kept, "state"> {
  const choice = matching(
    object<Omit<Kept, "state">>({
      epoch: whole(1, epoch),
      bestAccuracy: number(0, 1),
      bestEpoch: whole(1, epoch),
    }),
    parseJson(text, `${attempt}: the epoch that it kept`),
  );
  if (choice) return choice;
  throw new FormatError(`${attempt}: the epoch that it kept is none of its ${epoch}`);
}

/**
 * Makes sure that training can go on from a snapshot: a whole state of the network, the momentum of
 * every parameter, and no more epochs than the phase has.
 *
 * @param source The file, for messages.
 * @throws {ModelError} where a tensor is missing, misshapen or not finite.
 * @throws {FormatError} for an epoch out of range.
 */
export function checkSnapshot(
  { phase, epoch, state, velocity, average, kept }: PhaseSnapshot,
  { architecture, epochs, source }: {
    readonly architecture: Architecture;
    readonly epochs: number;
    readonly source: string;
  },
): void {
  if (epoch > epochs) {
    throw new FormatError(
      `cannot resume from ${shown(source)}: found epoch ${epoch} of ${quoted(phase)}, expected 1 ` +
        `to ${epochs}`,
    );
  }
  checkState(architecture, state, source);
  if (average) checkState(architecture, average, source);
  if (kept) checkState(architecture, kept.state, source);
  const parameters = architecture.entries.filter(({ kind }) => kind === "parameter");
  const whole = parameters.every(({ name, shape }) => {
    const found = velocity.get(name);
    return found?.data instanceof Float32Array && found.shape.join() === shape.join() &&
      found.data.length === elementCount(shape) && found.data.every(Number.isFinite);
  });
  if (!whole || velocity.size !== parameters.length) {
    throw new FormatError(
      `cannot resume from ${shown(source)}: found no whole momentum in it, expected finite ` +
        "numbers for every parameter",
    );
  }
}
