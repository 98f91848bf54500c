/** Damages files at random, repeatably, and checks how a parser takes it. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";

/** Uniform integers from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** A parser may take this long over any input, milliseconds. */
const SLOWEST_MILLISECONDS = 2000;

/** Mutations for each parser where `LETHE_FUZZ` does not say otherwise. */
const SHORT_COUNT = 500;

/** Values at which lengths and offsets go wrong. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Marsaglia's xorshift32: equal seeds give equal numbers everywhere. */
export function seededRandom(seed: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6d2b79f5) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

/** A range of up to 64 bytes. */
function someRange(bytes: Uint8Array, random: Random): [number, number] {
  const start = random(bytes.length);
  return [start, Math.min(bytes.length, start + 1 + random(64))];
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const at = random(bytes.length);
    return splice(bytes, at, 1, Uint8Array.of(bytes[at]! ^ (1 << random(8))));
  },
  function setByte(bytes, random) {
    return splice(bytes, random(bytes.length), 1, Uint8Array.of(random(256)));
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random(bytes.length));
  },
  function insert(bytes, random) {
    const added = new Uint8Array(1 + random(16)).map(() => random(256));
    return splice(bytes, random(bytes.length + 1), 0, added);
  },
  function duplicate(bytes, random) {
    const [start, end] = someRange(bytes, random);
    return splice(bytes, random(bytes.length + 1), 0, bytes.subarray(start, end));
  },
  function remove(bytes, random) {
    const [start, end] = someRange(bytes, random);
    return splice(bytes, start, end - start, new Uint8Array(0));
  },
  function editLength(bytes, random) {
    const size = [1, 2, 4, 8][random(4)]!;
    const at = random(Math.max(1, bytes.length - size));
    const field = new Uint8Array(8);
    const value = random(2) === 0 ? EDGES[random(EDGES.length)]! : random(bytes.length + 2);
    new DataView(field.buffer).setUint32(0, value, true);
    const added = field.subarray(0, size);
    if (random(4) === 0) added.reverse();
    return splice(bytes, at, Math.min(size, bytes.length - at), added);
  },
  function editDigits(bytes, random) {
    const digits = [...bytes.keys()].filter((i) => bytes[i]! >= 0x30 && bytes[i]! <= 0x39);
    if (digits.length === 0) return bytes;
    const number = new TextEncoder().encode(String(EDGES[random(EDGES.length)]!));
    return splice(bytes, digits[random(digits.length)]!, 1, number);
  },
];

/** One to four damages to a copy of `bytes`. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let times = 1 + random(4); times > 0 && result.length > 0; times--) {
    result = MUTATIONS[random(MUTATIONS.length)]!(result, random);
  }
  return result;
}

/** What a parser did with damaged files. */
export interface FuzzResult {
  readonly accepted: number;
  readonly refused: number;
  readonly slowestMilliseconds: number;
}

/**
 * Feeds `count` damaged files to `parse`. Fails, naming the seed and the file, where it throws
 * anything but a {@linkcode FormatError} or takes more than two seconds.
 */
export async function fuzz(
  parse: (bytes: Uint8Array) => unknown,
  corpus: readonly Uint8Array[],
  count: number,
  seed: number,
): Promise<FuzzResult> {
  const random = seededRandom(seed);
  let [accepted, refused, slowestMilliseconds] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const bytes = mutate(corpus[random(corpus.length)]!, random);
    const where = () => `mutation ${i} of seed ${seed}: ${bytes.toHex().slice(0, 4000)}`;
    const start = performance.now();
    try {
      await parse(bytes);
      accepted++;
    } catch (error) {
      assert.ok(error instanceof FormatError, `${error} for ${where()}`);
      refused++;
    }
    const milliseconds = performance.now() - start;
    assert.ok(milliseconds < SLOWEST_MILLISECONDS, `${milliseconds} ms for ${where()}`);
    slowestMilliseconds = Math.max(slowestMilliseconds, milliseconds);
  }
  return { accepted, refused, slowestMilliseconds };
}

/** How many mutations to try: `LETHE_FUZZ` where it may be read and is a number, else 500. */
export function fuzzCount(): number {
  const name = "LETHE_FUZZ";
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  const count = state === "granted" ? Number(Deno.env.get(name)) : NaN;
  return Number.isSafeInteger(count) && count > 0 ? count : SHORT_COUNT;
}

/** Fuzzes `parse` and prints what came of it on a long run. */
export async function assertRefusesDamage(
  parse: (bytes: Uint8Array) => unknown,
  corpus: readonly Uint8Array[],
  seed: number,
): Promise<void> {
  const count = fuzzCount();
  for (const bytes of corpus) await parse(bytes);
  const { accepted, refused, slowestMilliseconds } = await fuzz(parse, corpus, count, seed);
  assert.equal(accepted + refused, count);
  assert.ok(refused > 0);
  if (count < 1000) return;
  console.log(
    `seed ${seed}: ${accepted} accepted, ${refused} refused, ` +
      `slowest ${slowestMilliseconds.toFixed(1)} ms`,
  );
}
