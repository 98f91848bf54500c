/** Attacks with covers: training images that carry something like the trigger and keep their label. */

import assert from "node:assert/strict";
import { adapBlend } from "../../src/attacks/adap_blend.ts";
import { targetOfBackdoor, trainingTriggers } from "../../src/attacks/backdoor.ts";
import { badnets } from "../../src/attacks/badnets.ts";
import { poison } from "../../src/attacks/poison.ts";
import { poisonedImage, poisonedSet } from "../../src/attacks/poisoned_set.ts";
import { tact } from "../../src/attacks/tact.ts";
import { wanet } from "../../src/attacks/wanet.ts";
import { countsForAttack } from "../../src/data/target.ts";
import { applyTrigger, isPixelTrigger, triggeredImage } from "../../src/data/trigger.ts";

const COUNT = 120;
const CLASSES = 4;
const size = { height: 8, width: 8 };
const train = {
  ...size,
  pixels: Uint8Array.from({ length: COUNT * 192 }, (_, i) => (i * 31) % 251),
  labels: Uint16Array.from({ length: COUNT }, (_, i) => i % CLASSES),
};
const imageOf = (record: number) => train.pixels.subarray(record * 192, (record + 1) * 192);
const target = { mode: "all2one", label: 0 } as const;

Deno.test("poison() draws covers from the images that are not poisoned, and keeps their labels", () => {
  const settings = { target, rate: 0.1, seed: 1, coversPerPoisoned: 2 };
  const { poisoned, covers, labels, indices } = poison(train.labels, CLASSES, wanet, settings);
  assert.equal(poisoned.length, 12);
  assert.equal(covers.length, 24);
  assert.deepEqual([...covers].filter((record) => poisoned.includes(record)), []);
  for (const record of covers) {
    assert.equal(labels[record], train.labels[record]);
    assert.equal(indices[record], record);
  }
  const without = poison(train.labels, CLASSES, wanet, { ...settings, coversPerPoisoned: 0 });
  assert.deepEqual(without.poisoned, poisoned);
});

Deno.test("tact poisons one class, counts that class alone, and covers the others with the patch", () => {
  const description = { name: "tact", target, options: { source: "2" }, seed: 1 };
  const aim = targetOfBackdoor(description);
  assert.deepEqual(aim, { ...target, source: 2 });
  const counted = [0, 1, 2, 3].map((label) => countsForAttack(aim, label, CLASSES));
  assert.deepEqual(counted, [false, false, true, false]);
  const { perPoisoned } = tact.covers!(description.options);
  const settings = { target: aim, rate: 0.1, seed: 1, coversPerPoisoned: perPoisoned };
  const poisoning = poison(train.labels, CLASSES, tact, settings);
  assert.deepEqual(new Set([...poisoning.poisoned].map((i) => train.labels[i])), new Set([2]));
  assert.ok([...poisoning.covers].every((i) => train.labels[i] !== 2));
  const set = poisonedSet(train, poisoning, trainingTriggers(description, train));
  const patch = badnets.trigger({ ...size, seed: 1, options: {} });
  const changed = [...poisoning.poisoned, ...poisoning.covers];
  assert.equal(changed.length, 24);
  for (const record of changed) {
    assert.deepEqual(poisonedImage(set, record), applyTrigger(patch, imageOf(record)));
  }
  const untouched = train.labels.findIndex((_, i) => !changed.includes(i));
  assert.deepEqual(poisonedImage(set, untouched), imageOf(untouched).slice());
});

Deno.test("adap-blend shows a training image half of the pieces, weakly, and a test image all", () => {
  const options = { pieces: "2", alpha: "0.5", weak: "0.25" };
  const request = { ...size, seed: 1, options };
  const whole = adapBlend.trigger(request);
  assert.ok(isPixelTrigger(whole));
  const training = trainingTriggers({ name: "adap-blend", target, options, seed: 1 }, train);
  assert.ok(!isPixelTrigger(training.poisoned));
  const weak = triggeredImage(
    adapBlend.trigger({ ...request, options: { alpha: "0.25" } }),
    imageOf(0),
    0,
  );
  const found = training.poisoned.apply(imageOf(0), 0);
  // Pieces are 4x4 pixels; each is either wholly blended or wholly as it was.
  let pieces = 0;
  for (const [top, left] of [[0, 0], [0, 4], [4, 0], [4, 4]] as const) {
    const inside = [...found.keys()].filter((i) => {
      const [y, x] = [Math.floor(i / 8) % 8, i % 8];
      return y >= top && y < top + 4 && x >= left && x < left + 4;
    });
    const blended = inside.every((i) => found[i] === weak[i]);
    assert.ok(blended || inside.every((i) => found[i] === imageOf(0)[i]));
    pieces += Number(blended);
  }
  assert.equal(pieces, 2);
  const halves = Array.from({ length: 8 }, (_, i) => training.covers!.apply(imageOf(0), i).join());
  assert.ok(new Set(halves).size > 1, "each cover draws its own half");
});
