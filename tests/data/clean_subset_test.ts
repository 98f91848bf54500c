import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  cleanFraction,
  evenSubset,
  indexRange,
  splitHeldOut,
} from "../../src/data/clean_subset.ts";
import { UsageError } from "../../src/errors.ts";

/** Printed when a property fails, and fixed so that a failure can be repeated. */
const SEED = 20240608;

Deno.test("cleanFraction() draws ascending, distinct indices of the rounded share", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.nat(),
      (count, fraction, seed) => {
        fc.pre(Math.round(count * fraction) > 0);
        const indices = cleanFraction(count, fraction, seed);
        assert.equal(indices.length, Math.round(count * fraction));
        indices.forEach((index, i) => {
          assert.ok(index < count);
          if (i > 0) assert.ok(index > indices[i - 1]!);
        });
        assert.deepEqual(cleanFraction(count, fraction, seed), indices);
      },
    ),
    { seed: SEED },
  );
});

Deno.test("cleanFraction() of all images is all of them", () => {
  assert.deepEqual([...cleanFraction(5, 1, 3)], [0, 1, 2, 3, 4]);
});

Deno.test("cleanFraction() depends on the seed and grows with the fraction", () => {
  const small = cleanFraction(2000, 0.01, 1);
  const large = new Set(cleanFraction(2000, 0.05, 1));
  assert.ok(small.every((index) => large.has(index)));
  assert.notDeepEqual(cleanFraction(2000, 0.01, 2), small);
});

Deno.test("cleanFraction() throws for a fraction outside (0,1] and for an empty subset", () => {
  for (const fraction of [0, -0.1, 1.01, 7, NaN, Infinity]) {
    assert.throws(() => cleanFraction(100, fraction, 0), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, new RegExp(`found fraction ${fraction}.*expected`));
      return true;
    });
  }
  assert.throws(() => cleanFraction(10, 0.01, 0), { message: /0.01 of 10 images is no image/ });
  assert.throws(() => cleanFraction(0, 0.5, 0), UsageError);
});

Deno.test("indexRange() reads A:B with either end left out", () => {
  assert.deepEqual([...indexRange("2:5", 10)], [2, 3, 4]);
  assert.deepEqual([...indexRange(":2", 10)], [0, 1]);
  assert.deepEqual([...indexRange("8:", 10)], [8, 9]);
  assert.equal(indexRange(":", 10).length, 10);
});

Deno.test("indexRange() throws for bad text, empty ranges and ends beyond the records", () => {
  for (const text of ["", "5", "a:b", "1:2:3", "-1:4", "1.5:3", "1e3:2000"]) {
    assert.throws(() => indexRange(text, 10), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /expected "A:B"/);
      return true;
    });
  }
  assert.throws(() => indexRange("3:3", 10), { message: /holds no record, expected A below B/ });
  assert.throws(() => indexRange("5:2", 10), UsageError);
  assert.throws(() => indexRange("5:11", 10), {
    message: /found 10 records, expected at least 11/,
  });
  assert.throws(() => indexRange(":", 0), UsageError);
});

Deno.test("splitHeldOut() holds out every class in proportion, within one image", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(5), { minLength: 10, maxLength: 200 }),
      fc.double({ min: 0.1, max: 0.6, noNaN: true }),
      fc.nat(),
      (labels, share, seed) => {
        const indices = labels.map((_, i) => i).filter((i) => i % 3 !== 1);
        const classCount = (of: ArrayLike<number>, label: number) =>
          Array.from(of).filter((index) => labels[index] === label).length;
        fc.pre(indices.some((index) => classCount(indices, labels[index]!) >= 4));
        fc.pre(Math.round(share * indices.length) > 0);
        const { kept, heldOut } = splitHeldOut(indices, labels, share, seed);
        assert.deepEqual([...kept, ...heldOut].sort((a, b) => a - b), indices);
        for (let label = 0; label < 6; label++) {
          const all = classCount(indices, label);
          const held = classCount(heldOut, label);
          assert.ok(Math.abs(held - all * share) <= 1, `${held} of ${all} for a share of ${share}`);
          assert.ok(all === 0 || held < all);
        }
        assert.deepEqual(splitHeldOut(indices, labels, share, seed), { kept, heldOut });
      },
    ),
    { seed: SEED },
  );
});

Deno.test("splitHeldOut() holds out the rounded share of all images", () => {
  const labels = Array.from({ length: 250 }, (_, i) => i % 10);
  const { heldOut } = splitHeldOut(labels.map((_, i) => i), labels, 0.1, 4);
  assert.equal(heldOut.length, 25);
  const other = splitHeldOut(labels.map((_, i) => i), labels, 0.1, 5).heldOut;
  assert.notDeepEqual(other, heldOut);
});

Deno.test("splitHeldOut() throws for a bad share, a part without images and a wild index", () => {
  for (const share of [0, 1, -1, 2, NaN]) {
    assert.throws(() => splitHeldOut([0, 1], [0, 0], share, 0), {
      name: "UsageError",
      message: /expected above 0 and below 1/,
    });
  }
  assert.throws(() => splitHeldOut([0, 1], [0, 1], 0.5, 0), { message: /expected at least one/ });
  assert.throws(() => splitHeldOut([], [], 0.5, 0), UsageError);
  assert.throws(() => splitHeldOut([9], [0, 1], 0.5, 0), { message: /found index 9/ });
});

Deno.test("evenSubset() takes the first of each class, then the second, in turn", () => {
  const labels = [2, 2, 2, 0, 0, 1, 2, 0];
  assert.deepEqual([...evenSubset(labels, 3)], [0, 3, 5]);
  assert.deepEqual([...evenSubset(labels, 4)], [0, 3, 4, 5]);
  assert.deepEqual([...evenSubset(labels, 5)], [0, 1, 3, 4, 5]);
  assert.deepEqual([...evenSubset(labels, 7)], [0, 1, 2, 3, 4, 5, 7]);
  assert.deepEqual([...evenSubset(labels, 99)], [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...evenSubset(labels, 0)], []);
  assert.deepEqual([...evenSubset([], 3)], []);
});

Deno.test("evenSubset() gives no class two more than another that has more left", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 6 }), { maxLength: 60 }),
      fc.nat({ max: 70 }),
      (labels, n) => {
        const chosen = [...evenSubset(labels, n)];
        assert.equal(chosen.length, Math.min(n, labels.length));
        assert.deepEqual(chosen, [...new Set(chosen)].sort((a, b) => a - b));
        const taken = (label: number) => chosen.filter((index) => labels[index] === label).length;
        for (const a of new Set(labels)) {
          const members = labels.keys().filter((index) => labels[index] === a).toArray();
          assert.deepEqual(chosen.filter((i) => labels[i] === a), members.slice(0, taken(a)));
          for (const b of new Set(labels)) {
            const isSpent = taken(a) === members.length;
            assert.ok(isSpent || taken(b) <= taken(a) + 1);
          }
        }
      },
    ),
    { seed: SEED },
  );
});
