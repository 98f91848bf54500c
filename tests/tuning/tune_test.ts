/** Choosing kernels by timing: what is timed, what is remembered, and that results stay right. */

import assert from "node:assert/strict";
import { candidateName, type ConvolutionUse } from "../../shaders/convolution/use.ts";
import type { ConvolutionKernel } from "../../shaders/convolution/variant.ts";
import { candidates, chooseForward, variantsFor } from "../../shaders/convolution/variants.ts";
import type { KernelCapabilities } from "../../shaders/kernel.ts";
import { UsageError } from "../../src/errors.ts";
import { openDevice } from "../../src/gpu/adapter.ts";
import { ChoiceTable, useKey } from "../../src/gpu/choice_table.ts";
import { Gpu, openGpu } from "../../src/gpu/gpu.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { loadChoices, saveChoices } from "../../src/tuning/choices_file.ts";
import { convolutionUses } from "../../src/tuning/convolution_uses.ts";
import { tune } from "../../src/tuning/tune.ts";
import { keptChoices } from "../../src/jobs/tuning.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const nameOf = ({ kernel }: { kernel: ConvolutionKernel }) => candidateName(kernel.convolution);

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
    const uses = convolutionUses(wideResNet(10, 1, 10), IMAGES, gpu.capabilities).slice(0, 2);
    gpu.choices.set(useKey(uses[0]!), "plain");
    const tuned: string[] = [];
    await tune(gpu, uses, ({ use, candidates: timed, chosen }) => {
      tuned.push(useKey(use));
      const names = [...candidates(use, gpu.capabilities)].map(nameOf);
      assert.deepEqual(timed.map(({ name }) => name), names.slice(0, 8));
      assert.equal(chosen!.milliseconds, Math.min(...timed.map((one) => one.milliseconds)));
      assert.ok(chosen!.milliseconds > 0 && chosen!.milliseconds < 10, "a fence is not part of it");
      assert.equal(gpu.choices.find(use), chosen!.name);
    });
    assert.deepEqual(tuned, uses.slice(1).map(useKey));
  } finally {
    gpu.close();
  }
});

Deno.test("a candidate that the device refuses loses the race and ends nothing", async () => {
  const gpu = await openGpu();
  const [use] = convolutionUses(wideResNet(10, 1, 10), IMAGES, gpu.capabilities);
  const before = gpu.counters.bytes;
  const names = [...candidates(use!, gpu.capabilities)].map(nameOf);
  const prepare = gpu.prepare.bind(gpu);
  gpu.prepare = (kernel, ...ranges) =>
    prepare(
      nameOf({ kernel: kernel as ConvolutionKernel }) === names[0]
        ? { ...kernel, wgsl: "not WGSL" }
        : kernel,
      ...ranges,
    );
  await tune(gpu, [use!], ({ candidates: timed, chosen }) => {
    assert.equal(timed[0]!.milliseconds, Infinity);
    assert.ok(timed.slice(1).every(({ milliseconds }) => milliseconds < Infinity));
    assert.notEqual(chosen!.name, names[0]);
  });
  gpu.check();
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
  gpu.close();
});

Deno.test("chooseForward() takes the chosen candidate by its name", () => {
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
  const use = { direction: "forward", geometry, fusion: {} } as const;
  const names = [...candidates(use, capabilities)].map(nameOf);
  assert.equal(new Set(names).size, names.length);
  assert.ok(["tiled 16x64", "plain"].every((name) => names.includes(name)), names.join());
  for (const name of names) {
    const kernel = chooseForward(geometry, { ...capabilities, choices: { find: () => name } })!;
    assert.equal(nameOf({ kernel }), name);
  }
  const table = new ChoiceTable(capabilities);
  table.set(useKey(use), "subgroup 7 rows x 5");
  assert.throws(() => table.find(use), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^cannot run kernel "subgroup 7 rows x 5" for forward 4x16x32x32/);
    return true;
  });
});

Deno.test("software drivers without subgroups take tiled kernels, but not through OpenGL", () => {
  const names = (capabilities: KernelCapabilities) =>
    variantsFor(capabilities).map(({ name }) => name);
  const software = { subgroupSize: 0, maxInvocations: 256, software: true };
  assert.deepEqual(names(software), ["subgroup", "tiled", "plain"]);
  assert.deepEqual(names({ ...software, openGl: true }), ["subgroup", "plain"]);
  assert.deepEqual(names({ ...software, software: false }), ["tiled", "plain"]);
});

Deno.test("the choices of other adapters and other convolutions stay in their file", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/cache/tuning.json`;
    const { device, description } = await openDevice();
    const adapter = (name: string) => new Gpu(device, { ...description, name });
    const [first, second] = [adapter("first"), adapter("second")];
    first.choices.set("a use", "plain");
    await saveChoices(first, path);
    second.choices.set("a use", "tiled 16x64");
    await saveChoices(second, path);
    const later = adapter("first");
    later.choices.set("another use", "plain");
    await saveChoices(later, path);
    const load = async (name: string) => {
      const gpu = adapter(name);
      await loadChoices(gpu, path);
      return [...gpu.choices];
    };
    assert.deepEqual(await load("first"), [["a use", "plain"], ["another use", "plain"]]);
    assert.deepEqual(await load("second"), [["a use", "tiled 16x64"]]);
    assert.deepEqual(await load("third"), []);
    // Other kernels to choose from, as another version has them.
    const other = new Gpu(device, { ...description, name: "first", openGl: !description.openGl });
    await loadChoices(other, path);
    assert.deepEqual([...other.choices], []);
    device.destroy();
  });
});

Deno.test("a file of choices that is damaged, of an older version or no file holds none", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = `${folder}/tuning.json`;
    const gpu = await openGpu();
    try {
      const old = { lethe: "0.1.0", adapter: gpu.adapter.name, choices: { "a use": 2 } };
      for (const text of ["{", "null", "[]", JSON.stringify(old), '{"devices":{"x":3}}']) {
        await Deno.writeTextFile(path, text);
        await loadChoices(gpu, path);
        assert.equal(gpu.choices.size, 0, text);
      }
      await loadChoices(gpu, `${folder}/missing.json`);
      await loadChoices(gpu, folder);
      assert.equal(gpu.choices.size, 0);
    } finally {
      gpu.close();
    }
  });
});

Deno.test("a resumed run keeps kernels by name; positions of older versions are refused but the first", () => {
  assert.deepEqual(keptChoices({ "a use": "plain", another: 0 }), [["a use", "plain"]]);
  for (const position of [1, -1, null, {}]) {
    assert.throws(() => keptChoices({ "a use": position }), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /^cannot resume with kernel .* for "a use": expected the name/);
      return true;
    });
  }
});
