import assert from "node:assert/strict";
import { TRIGGERED } from "../../shaders/gather.ts";
import type { Attack } from "../../src/attacks/attack.ts";
import { badnets } from "../../src/attacks/badnets.ts";
import { poison } from "../../src/attacks/poison.ts";
import { poisonedImage, poisonedSet } from "../../src/attacks/poisoned_set.ts";
import { refool } from "../../src/attacks/refool.ts";
import { sig } from "../../src/attacks/sig.ts";
import { applyTrigger } from "../../src/data/trigger.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { DataError, UsageError } from "../../src/errors.ts";
import { wholeValues } from "../reference/values.ts";

const CLASSES = 4;
/** 100 images of class 0, 60 of class 1, 30 of class 2 and 10 of class 3, mixed. */
const labels = Uint16Array.from({ length: 200 }, (_, i) => {
  const at = i * 77 % 200;
  return at < 100 ? 0 : at < 160 ? 1 : at < 190 ? 2 : 3;
});
const all2one = (label: number) => ({ mode: "all2one", label } as const);
const settings = { target: all2one(1), rate: 0.1, seed: 5 };

Deno.test("poison() takes a share of the whole set from outside the target class", () => {
  const { indices, labels: changed, poisoned } = poison(labels, CLASSES, badnets, settings);
  assert.equal(poisoned.length, 20);
  assert.equal(new Set(poisoned).size, 20);
  for (let i = 0; i < 200; i++) {
    const chosen = poisoned.includes(i);
    assert.equal(indices[i], (chosen ? i | TRIGGERED : i) >>> 0);
    assert.equal(changed[i], chosen ? 1 : labels[i]);
    if (chosen) assert.notEqual(labels[i], 1);
  }
});

Deno.test("poison() sends every class to the next where the attack is all2all", () => {
  const target = { mode: "all2all", label: 0 } as const;
  const { labels: changed, poisoned } = poison(labels, CLASSES, badnets, { ...settings, target });
  assert.equal(poisoned.length, 20);
  for (const i of poisoned) assert.equal(changed[i], (labels[i]! + 1) % CLASSES);
});

Deno.test("poison() takes a share of the target class and changes no label where they are kept", () => {
  for (const [attack, rate, count] of [[sig, 0.8, 48], [refool, 0.2, 12]] as const) {
    const found = poison(labels, CLASSES, attack, { ...settings, rate });
    assert.equal(found.poisoned.length, count);
    assert.deepEqual(found.labels, labels);
    for (const i of found.poisoned) assert.equal(labels[i], 1);
  }
});

Deno.test("poison() never takes more images than there are candidates", () => {
  const { poisoned } = poison(labels, CLASSES, badnets, {
    ...settings,
    target: all2one(0),
    rate: 1,
  });
  assert.equal(poisoned.length, 100);
});

Deno.test("poison() chooses by the seed alone", () => {
  const choose = (seed: number) => poison(labels, CLASSES, badnets, { ...settings, seed }).poisoned;
  assert.deepEqual(choose(5), choose(5));
  assert.notDeepEqual(choose(5), choose(6));
});

Deno.test("poison() refuses rates that select nothing, and all2all where labels are kept", () => {
  const refuse = (change: object, attack: Attack, type: typeof DataError | typeof UsageError) =>
    assert.throws(() => poison(labels, CLASSES, attack, { ...settings, ...change }), type);
  for (const rate of [0, -1, 1.1, NaN]) refuse({ rate }, badnets, UsageError);
  refuse({ target: { mode: "all2all", label: 0 }, rate: 0.5 }, sig, UsageError);
  refuse({ rate: 0.001 }, badnets, DataError);
  refuse({ target: all2one(9), rate: 0.5 }, sig, DataError);
});

const SIZE = 3 * 6 * 5;
const images: ImageSet = {
  pixels: Uint8Array.from(wholeValues(200 * SIZE, 256, 9)),
  labels,
  height: 6,
  width: 5,
};
const request = { height: 6, width: 5, seed: 1, options: {} };
const imageOf = (set: ImageSet, i: number) => set.pixels.subarray(i * SIZE, (i + 1) * SIZE);

Deno.test("poisonedSet() leaves pixels to the GPU where it can stamp the trigger", () => {
  const poisoning = poison(labels, CLASSES, badnets, settings);
  const trigger = badnets.trigger(request);
  const set = poisonedSet(images, poisoning, { poisoned: trigger });
  assert.equal(set.images.pixels, images.pixels);
  assert.equal(set.images.labels, poisoning.labels);
  assert.equal(set.indices, poisoning.indices);
  const first = poisoning.poisoned[0]!;
  assert.deepEqual(poisonedImage(set, first), applyTrigger(trigger, imageOf(images, first)));
});

Deno.test("poisonedSet() substitutes the poisoned images of a trigger that differs by image", () => {
  const poisoning = poison(labels, CLASSES, refool, { ...settings, rate: 0.5 });
  const trigger = refool.trigger(request);
  assert.ok("apply" in trigger);
  const before = images.pixels.slice();
  const set = poisonedSet(images, poisoning, { poisoned: trigger });
  assert.deepEqual(images.pixels, before);
  assert.equal(set.trigger, undefined);
  for (let i = 0; i < 200; i++) {
    const poisoned = poisoning.poisoned.includes(i);
    const expected: Uint8Array = poisoned
      ? trigger.apply(imageOf(images, i), i)
      : imageOf(images, i);
    assert.deepEqual(imageOf(set.images, i), expected);
    assert.equal(set.indices[i], i);
  }
});

Deno.test("poisonedSet() stamps on top of images that the attack prepared", () => {
  const poisoning = poison(labels, CLASSES, sig, { ...settings, rate: 0.5 });
  const prepared = Uint8Array.from(wholeValues(30 * SIZE, 256, 10));
  const trigger = sig.trigger(request);
  const set = poisonedSet(images, poisoning, { poisoned: trigger }, prepared);
  for (const [i, record] of poisoning.poisoned.entries()) {
    const image = prepared.subarray(i * SIZE, (i + 1) * SIZE);
    assert.deepEqual(poisonedImage(set, record), applyTrigger(trigger, image));
    assert.ok(set.indices[record]! >= TRIGGERED);
  }
});
