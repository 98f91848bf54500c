import assert from "node:assert/strict";
import { Scratch } from "../../src/gpu/scratch.ts";
import { readModel } from "../../src/nn/model.ts";
import { createEvaluator } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { CROSS_ENTROPY } from "../../src/train/objectives.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "../train/small.ts";
import { gpu } from "./device.ts";

Deno.test("a scope frees what it made and what it was given, last first, and once", () => {
  const before = gpu.counters.bytes;
  const freed: string[] = [];
  const resource = (name: string) => ({ [Symbol.dispose]: () => void freed.push(name) });
  const scope = gpu.scope();
  assert.equal(scope.buffer(10, "ten").size, 12);
  scope.own(resource("first"));
  scope.own(resource("second"));
  assert.equal(gpu.counters.bytes, before + 12);
  scope[Symbol.dispose]();
  scope[Symbol.dispose]();
  assert.deepEqual(freed, ["second", "first"]);
  assert.equal(gpu.counters.bytes, before);
});

Deno.test("a scope frees where its block throws, and not what was moved out of it", () => {
  const before = gpu.counters.bytes;
  const make = (fail: boolean) => {
    using scope = gpu.scope();
    scope.buffer(64, "first");
    if (fail) throw new Error("half-way");
    return scope.move();
  };
  assert.throws(() => make(true), /half-way/);
  assert.equal(gpu.counters.bytes, before);
  const kept = make(false);
  assert.equal(gpu.counters.bytes, before + 64);
  kept[Symbol.dispose]();
  assert.equal(gpu.counters.bytes, before);
});

Deno.test("scratch gives each piece of a program its own buffer, and the next program the same ones", () => {
  using scope = gpu.scope();
  const scratch = new Scratch(scope);
  const claim = (...sizes: number[]) =>
    scratch.claim(sizes.map((bytes) => ({ bytes, label: `${bytes} bytes` })));
  const [small, large, middle] = claim(100, 400, 200);
  assert.deepEqual([small!.size, large!.size, middle!.size], [100, 400, 200]);
  // The closest fit first; what does not fit is made.
  assert.deepEqual(claim(150, 400), [middle, large]);
  const [first, second] = claim(60, 60);
  assert.deepEqual(new Set([first, second]), new Set([small, middle]));
  const made = claim(500, 300, 300);
  assert.equal(made[0]!.size, 500);
  assert.equal(made[1], large);
  assert.equal(made[2]!.size, 300);
});

Deno.test("training and judging in shared memory give the same bits in less of it", async () => {
  const images = smallImages(48, 3);
  const run = async (shared: boolean) => {
    using scope = gpu.scope();
    const before = gpu.counters.bytes;
    const scratch = shared ? new Scratch(scope) : undefined;
    const model = scope.own(smallModel(gpu, 1));
    const store = scope.own(uploadImages(gpu, images));
    const { preprocessing } = SMALL_SETTINGS;
    const judge = scope.own(await createEvaluator(gpu, model, store, { preprocessing, scratch }));
    const trainer = scope.own(
      createTrainer(gpu, model, { store }, CROSS_ENTROPY, SMALL_SETTINGS, { scratch }),
    );
    const bytes = gpu.counters.bytes - before;
    const correct: number[] = [];
    for (const epoch of [0, 1]) {
      await trainer.runEpoch(epoch);
      correct.push((await judge.evaluate()).correct);
    }
    return { bytes, found: { correct, state: await readModel(gpu, model) } };
  };
  const [apart, together] = [await run(false), await run(true)];
  assert.deepEqual(together.found, apart.found);
  assert.ok(together.bytes < 0.95 * apart.bytes, `${together.bytes} of ${apart.bytes} bytes`);
});
