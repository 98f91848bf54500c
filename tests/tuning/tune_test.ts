/** Choosing kernels by timing: what is timed, what is remembered, and that results stay right. */

import assert from "node:assert/strict";
import type { ConvolutionUse } from "../../shaders/convolution/variant.ts";
import { chooseForward, forwardCandidates } from "../../shaders/convolution/variants.ts";
import { useKey } from "../../src/gpu/choice_table.ts";
import { openGpu } from "../../src/gpu/gpu.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { loadChoices, saveChoices } from "../../src/tuning/choices_file.ts";
import { convolutionUses } from "../../src/tuning/convolution_uses.ts";
import { tune } from "../../src/tuning/tune.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const IMAGES = { batch: 2, height: 8, width: 8 };

Deno.test("convolutionUses() lists each convolution of a step once, in all three directions", () => {
  const capabilities = { subgroupSize: 0, maxInvocations: 256 };
  const uses = convolutionUses(wideResNet(10, 1, 10), IMAGES, capabilities);
  const keys = uses.map(useKey);
  assert.equal(new Set(keys).size, keys.length);
  const count = (direction: string) => uses.filter((use) => use.direction === direction).length;
  assert.ok(count("forward") > 0 && count("inputGradient") > 0);
  // conv1; conv1 and conv2 of three blocks, of which the first two convolve alike; two shortcuts.
  assert.equal(count("weightGradient"), 8);
});

Deno.test("useKey() tells apart direction, geometry and fusion", () => {
  const geometry = {
    batch: 2,
    inChannels: 3,
    height: 8,
    width: 8,
    outChannels: 4,
    kernelSize: 3,
    stride: 1,
    padding: 1,
  };
  const uses: ConvolutionUse[] = [
    { direction: "forward", geometry, fusion: {} },
    { direction: "forward", geometry, fusion: { statistics: true } },
    { direction: "forward", geometry: { ...geometry, padding: 0 }, fusion: {} },
    { direction: "inputGradient", geometry, fusion: {} },
  ];
  assert.equal(new Set(uses.map(useKey)).size, uses.length);
  const off = { direction: "forward", geometry, fusion: { statistics: false } } as const;
  assert.equal(useKey(off), useKey(uses[0]!));
});

Deno.test("tune() times every candidate of unknown uses and enters the fastest", async () => {
  const gpu = await openGpu();
  try {
    const uses = convolutionUses(wideResNet(10, 1, 10), IMAGES, gpu.capabilities).slice(0, 3);
    gpu.choices.set(useKey(uses[0]!), 0);
    const tuned: string[] = [];
    await tune(gpu, uses, ({ use, milliseconds, labels, chosen }) => {
      tuned.push(useKey(use));
      assert.equal(labels.length, milliseconds.length);
      assert.equal(milliseconds[chosen], Math.min(...milliseconds));
      assert.equal(gpu.choices.find(use), chosen);
    });
    assert.deepEqual(tuned, uses.slice(1).map(useKey));
  } finally {
    gpu.close();
  }
});

Deno.test("chooseForward() takes the chosen candidate, and the first for an index out of range", () => {
  const capabilities = { subgroupSize: 8, maxInvocations: 1024, software: true };
  const geometry = {
    batch: 4,
    inChannels: 16,
    height: 32,
    width: 32,
    outChannels: 16,
    kernelSize: 3,
    stride: 1,
    padding: 1,
  };
  const candidates = [...forwardCandidates(geometry, capabilities)];
  assert.ok(candidates.length > 1);
  const choose = (index: number) =>
    chooseForward(geometry, { ...capabilities, choices: { find: () => index } });
  assert.deepEqual(choose(1), candidates[1]);
  assert.deepEqual(choose(999), candidates[0]);
});

Deno.test("choices come back from their file, but not those of another version or adapter", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/cache/tuning.json`;
    const gpu = await openGpu();
    try {
      gpu.choices.set("a use", 2);
      await saveChoices(gpu, path);
      gpu.choices.clear();
      await loadChoices(gpu, path);
      assert.deepEqual([...gpu.choices], [["a use", 2]]);

      const saved = JSON.parse(await Deno.readTextFile(path));
      for (const change of [{ lethe: "0.0.0" }, { adapter: "another" }, { choices: { a: -1 } }]) {
        gpu.choices.clear();
        await Deno.writeTextFile(path, JSON.stringify({ ...saved, ...change }));
        await loadChoices(gpu, path);
        assert.equal(gpu.choices.size, 0);
      }
      await Deno.writeTextFile(path, "{");
      await loadChoices(gpu, path);
      await loadChoices(gpu, `${folder}/missing.json`);
      assert.equal(gpu.choices.size, 0);
    } finally {
      gpu.close();
    }
  });
});
