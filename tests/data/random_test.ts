import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { pcg4d, permutation, RandomPurpose, RandomStream, shuffle } from "../../src/data/random.ts";

/** Printed when a property fails, and fixed so that a failure can be repeated. */
const SEED = 20240607;

Deno.test("pcg4d() gives the words of the paper's definition in unbounded integers", () => {
  // Computed with Python's integers, modulo 2^32 after every step.
  assert.deepEqual(pcg4d(0, 0, 0, 0), [0x0f02f829, 0x2d568769, 0x32b0c43b, 0xd32548ea]);
  assert.deepEqual(pcg4d(1, 2, 3, 4), [0x3622cd16, 0xf11471d8, 0xe1109b3f, 0x02b94c2f]);
  assert.deepEqual(
    pcg4d(0xffffffff, 0, 0x80000000, 12345),
    [0x54ca043e, 0x10936e03, 0x8084cf31, 0xd6c89084],
  );
  assert.deepEqual(
    pcg4d(0xdeadbeef, 0xcafebabe, 0x01234567, 0x89abcdef),
    [0x1fcd04db, 0x2c26e496, 0x5dedd2d3, 0x323eaf11],
  );
});

Deno.test("pcg4d() agrees with BigInt arithmetic for any four words", () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(word, word, word, word, (x, y, z, w) => {
      assert.deepEqual(pcg4d(x, y, z, w), slowPcg4d(x, y, z, w));
    }),
    { seed: SEED },
  );
});

Deno.test("RandomStream is a pure function of seed, purpose and index", () => {
  const draw = (seed: number, purpose: RandomPurpose, index: number) => {
    const random = new RandomStream(seed, purpose, index);
    return Array.from({ length: 9 }, () => random.word());
  };
  const words = draw(7, RandomPurpose.drawing, 3);
  assert.deepEqual(draw(7, RandomPurpose.drawing, 3), words);
  assert.deepEqual(words.slice(4, 8), pcg4d(1, 3, RandomPurpose.drawing, 7));
  for (
    const other of [
      draw(8, RandomPurpose.drawing, 3),
      draw(7, RandomPurpose.order, 3),
      draw(7, RandomPurpose.drawing, 4),
    ]
  ) {
    assert.equal(words.filter((value, i) => value === other[i]).length, 0);
  }
});

Deno.test("RandomStream.uniform() has 24 bits, lies in [0,1) and has the moments of U(0,1)", () => {
  const random = new RandomStream(1, RandomPurpose.drawing);
  let sum = 0;
  let squares = 0;
  const n = 50_000;
  for (let i = 0; i < n; i++) {
    const value = random.uniform();
    assert.ok(value >= 0 && value < 1);
    assert.equal(Math.fround(value), value);
    assert.ok(Number.isInteger(value * 2 ** 24));
    sum += value;
    squares += value * value;
  }
  assert.ok(Math.abs(sum / n - 1 / 2) < 4 * Math.sqrt(1 / 12 / n));
  assert.ok(Math.abs(squares / n - 1 / 3) < 4 * Math.sqrt(4 / 45 / n));
});

Deno.test("RandomStream.below() draws every number below n about equally often", () => {
  for (const n of [1, 2, 7, 10]) {
    const random = new RandomStream(5, RandomPurpose.order, n);
    const counts = new Array<number>(n).fill(0);
    const draws = 20_000;
    for (let i = 0; i < draws; i++) counts[random.below(n)]!++;
    const expected = draws / n;
    for (const count of counts) assert.ok(Math.abs(count - expected) <= 5 * Math.sqrt(expected));
  }
});

Deno.test("RandomStream.below() rejects words that would favour small numbers", () => {
  // For n = 3 * 2^30 a word modulo n lands in the lower third half of the time; unbiased, one third.
  const n = 3 * 2 ** 30;
  const random = new RandomStream(11, RandomPurpose.order);
  let low = 0;
  for (let i = 0; i < 30_000; i++) if (random.below(n) < n / 3) low++;
  assert.ok(Math.abs(low / 30_000 - 1 / 3) < 0.015, `found a share of ${low / 30_000}`);
});

Deno.test("RandomStream.normal() equals the polar method with Math.log to 1e-11", () => {
  const random = new RandomStream(9, RandomPurpose.parameters);
  const same = new RandomStream(9, RandomPurpose.parameters);
  for (let pair = 0; pair < 2_000; pair++) {
    let a = 0, b = 0, s = 0;
    while (!(s > 0 && s < 1)) {
      a = 2 * same.uniform() - 1;
      b = 2 * same.uniform() - 1;
      s = a * a + b * b;
    }
    const scale = Math.sqrt(-2 * Math.log(s) / s);
    for (const expected of [a * scale, b * scale]) {
      assert.ok(Math.abs(random.normal() - expected) <= 1e-11 * Math.max(1, Math.abs(expected)));
    }
  }
});

Deno.test("permutation() holds each number once and depends on seed and epoch", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: 0, max: 1000 }),
      (n, seed, epoch) => {
        const order = permutation(n, seed, epoch);
        assert.deepEqual(order, permutation(n, seed, epoch));
        assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i));
      },
    ),
    { seed: SEED },
  );
  assert.notDeepEqual(permutation(50, 1, 0), permutation(50, 1, 1));
  assert.notDeepEqual(permutation(50, 1, 0), permutation(50, 2, 0));
});

Deno.test("shuffle() puts every number in every place about equally often", () => {
  const counts = new Float64Array(16);
  const draws = 8_000;
  for (let i = 0; i < draws; i++) {
    shuffle(4, new RandomStream(3, RandomPurpose.order, i)).forEach((value, place) => {
      counts[4 * place + value]!++;
    });
  }
  for (const count of counts) assert.ok(Math.abs(count - draws / 4) < 5 * Math.sqrt(draws / 4));
});

function slowPcg4d(...words: [number, number, number, number]): number[] {
  const mask = 0xffffffffn;
  const v = words.map((word) => (BigInt(word) * 1664525n + 1013904223n) & mask);
  const mix = () => {
    for (const [to, a, b] of [[0, 1, 3], [1, 2, 0], [2, 0, 1], [3, 1, 2]] as const) {
      v[to] = (v[to]! + v[a]! * v[b]!) & mask;
    }
  };
  mix();
  for (let i = 0; i < 4; i++) v[i] = v[i]! ^ (v[i]! >> 16n);
  mix();
  return v.map(Number);
}
