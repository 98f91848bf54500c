/**
 * What fails half-way frees all that it took. Every function that takes GPU memory is made to fail at
 * one allocation after the other, at a fence, and by its signal. Kernels do not run here, so that
 * hundreds of failures take seconds: memory is taken and freed all the same.
 */

import assert from "node:assert/strict";
import { cleanLabel } from "../src/attacks/clean_label.ts";
import { implant } from "../src/attacks/implant.ts";
import { invertPatch } from "../src/attacks/patch_inversion.ts";
import { perturbImages } from "../src/attacks/pgd.ts";
import { trojan } from "../src/attacks/trojan.ts";
import { audit } from "../src/audit/audit.ts";
import { identityTrigger } from "../src/data/trigger.ts";
import { DEFENSES } from "../src/defenses/defenses.ts";
import { defend } from "../src/defenses/defend.ts";
import type { DefenseSettings } from "../src/defenses/defense.ts";
import { selfTest } from "../src/doctor/self_test.ts";
import {
  DeviceError,
  Interrupted,
  LetheError,
  OutOfMemoryError,
  UsageError,
} from "../src/errors.ts";
import { openGpu } from "../src/gpu/gpu.ts";
import { measure } from "../src/report/measurement.ts";
import { evaluateModel } from "../src/train/evaluate.ts";
import { uploadImages } from "../src/train/image_store.ts";
import { estimateStatistics } from "../src/train/statistics.ts";
import { SMALL_DEFENSE, smallStudent } from "./defenses/small_defense.ts";
import { SMALL_SETTINGS, smallImages, smallModel } from "./train/small.ts";

const gpu = await openGpu();
const original = {
  createBuffer: gpu.createBuffer.bind(gpu),
  read: gpu.read.bind(gpu),
  finish: gpu.finish.bind(gpu),
};
gpu.submit = () => {};

/** Counts of 16 images of each of three classes, (3,3). */
const CONFUSION = Uint32Array.of(16, 0, 0, 0, 16, 0, 0, 0, 16).buffer;

/** What is counted and made to fail. */
const happened = { allocations: 0, fences: 0 };
let onAllocation = (_number: number) => {};
let onFence = (_number: number) => {};
gpu.createBuffer = (size, label) => {
  onAllocation(happened.allocations++);
  return original.createBuffer(size, label);
};
gpu.read = async (...ranges) => {
  onFence(happened.fences++);
  const found = await original.read(...ranges);
  // Kernels that do not run count nothing: as if all images were classified right.
  return found.map((bytes) =>
    bytes.byteLength === CONFUSION.byteLength ? CONFUSION.slice(0) : bytes
  );
};
gpu.finish = async () => {
  onFence(happened.fences++);
  await original.finish();
};

type Body = (signal: AbortSignal) => Promise<unknown>;

/** Runs `body` and counts; what it throws, and whatever memory is left after it. */
async function attempt(body: Body, signal = new AbortController().signal) {
  happened.allocations = happened.fences = 0;
  const before = gpu.counters.bytes;
  let error: unknown;
  try {
    await body(signal);
  } catch (thrown) {
    error = thrown;
  }
  onAllocation = onFence = () => {};
  return { error, left: gpu.counters.bytes - before, ...happened };
}

/** At most `count` of the numbers below `total`, spread evenly, first and last included. */
function spread(total: number, count: number): number[] {
  if (total <= count) return Array.from({ length: total }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round(i * (total - 1) / (count - 1)));
}

/** Failed allocations that are tried of a job with many; of fences and of aborts it is half of them. */
const TRIES = 8;

function failsCleanly(
  name: string,
  body: Body,
  { tries = TRIES, refusal }: { tries?: number; refusal?: string | undefined } = {},
): void {
  Deno.test(`${name} frees all that it took where it fails half-way`, async () => {
    const whole = await attempt(body);
    assert.equal(whole.error instanceof Error ? whole.error.message : undefined, refusal);
    assert.equal(whole.left, 0, "left by a whole run");
    assert.ok(whole.allocations > 0);
    for (const k of spread(whole.allocations, tries)) {
      onAllocation = (number) => {
        if (number === k) throw new OutOfMemoryError("no more memory");
      };
      const { error, left } = await attempt(body);
      assert.ok(error instanceof OutOfMemoryError, `allocation ${k}: ${error}`);
      assert.equal(left, 0, `left where allocation ${k} of ${whole.allocations} fails`);
    }
    for (const k of spread(whole.fences, tries / 2)) {
      onFence = (number) => {
        if (number === k) throw new DeviceError("the GPU did not finish");
      };
      const { error, left } = await attempt(body);
      assert.ok(error instanceof DeviceError, `fence ${k}: ${error}`);
      assert.equal(left, 0, `left where fence ${k} of ${whole.fences} fails`);
    }
    for (const k of spread(whole.fences, tries / 2)) {
      const abort = new AbortController();
      onFence = (number) => number === k && abort.abort();
      const { error, left } = await attempt(body, abort.signal);
      if (error !== undefined) assert.ok(error instanceof LetheError, `abort ${k}: ${error}`);
      assert.equal(left, 0, `left where the signal is aborted at fence ${k} of ${whole.fences}`);
    }
  });
}

const { preprocessing } = SMALL_SETTINGS;
const images = smallImages(64, 3);
const pixelBackdoor = {
  name: "any",
  trigger: identityTrigger(8, 8),
  target: { mode: "all2one", label: 1 },
} as const;
const imageBackdoor = {
  ...pixelBackdoor,
  trigger: { height: 8, width: 8, apply: (image: Uint8Array) => Uint8Array.from(image) },
};

for (const backdoor of [pixelBackdoor, imageBackdoor]) {
  const kind = backdoor === pixelBackdoor ? "pixels" : "images";
  failsCleanly(`evaluateModel() with a trigger of ${kind}`, async (signal) => {
    using model = smallModel(gpu, 1);
    using store = uploadImages(gpu, images);
    await evaluateModel(gpu, model, store, { preprocessing, backdoor, logits: true, signal });
  });
}

failsCleanly("estimateStatistics()", async (signal) => {
  using model = smallModel(gpu, 1);
  using store = uploadImages(gpu, images);
  await estimateStatistics(gpu, model, store, SMALL_SETTINGS, signal);
});

failsCleanly("implant()", async (signal) => {
  const { architecture } = smallStudent(1);
  const training = { ...SMALL_SETTINGS, epochs: 2, averaging: 0.9 };
  await implant(
    gpu,
    { architecture, train: images, test: images, preprocessing, training },
    { signal, onEpoch: () => Promise.resolve() },
  );
});

failsCleanly("perturbImages()", async (signal) => {
  using model = smallModel(gpu, 1);
  const pgd = { radius: 8, step: 2, steps: 3, preprocessing };
  await perturbImages(gpu, model, images, pgd, { signal });
});

failsCleanly("invertPatch()", async (signal) => {
  using model = smallModel(gpu, 1);
  const patch = { size: 3, row: 1, column: 1, neurons: 2, activation: 9, steps: 40, step: 0.1 };
  await invertPatch(gpu, model, images, { ...patch, seed: 1, preprocessing }, { signal });
});

for (const attack of [trojan, cleanLabel]) {
  failsCleanly(`preparing ${attack.name}`, async (signal) => {
    await attack.prepare!(gpu, {
      height: 8,
      width: 8,
      seed: 1,
      options: { epochs: "1", steps: "20" },
      train: images,
      poisoned: Uint32Array.of(1, 5),
      architecture: smallStudent(1).architecture,
      training: SMALL_SETTINGS,
    }, { signal });
  });
}

failsCleanly("audit()", async (signal) => {
  const settings = { preprocessing, steps: 10, images: 64, seed: 1 };
  await audit(gpu, smallStudent(1), images, settings, { signal });
});

failsCleanly("measure()", async (signal) => {
  const network = smallStudent(1);
  const operator = { reduction: "sum", power: 2 } as const;
  const common = { preprocessing, operator, test: images, images: 40, backdoor: pixelBackdoor };
  await measure(gpu, { ...common, networks: [{ name: "a", network }], signal });
});

failsCleanly("selfTest()", () => selfTest(gpu));

// Maps of kernels that did not run say nothing: the activations themselves are compared.
const distillation = { ...SMALL_DEFENSE.distillation, kind: "features" } as const;
const averaged = { ...SMALL_DEFENSE.training, averaging: 0.9 };

const VARIANTS: readonly (readonly [string, Partial<DefenseSettings>, refusal?: string])[] = [
  ["nad", { teacher: "finetuned", iterations: 2, distillation }],
  ["nad", { autoBetas: true, distillation }],
  ["nad", { teacher: "original", statistics: "clean", training: averaged, distillation }],
  [
    "nad",
    { distillation: SMALL_DEFENSE.distillation },
    "cannot distil the attention of tap 1 of wrn-10-1: its map is the same at every pixel of all 16 " +
    "images tried, so the loss would be zero; tap an activation before pooling",
  ],
  ["finetune", {}],
  ["fine-pruning", {}],
  ["mcr", {}],
  ["none", {}],
];

for (const [i, [name, settings, refusal]] of VARIANTS.entries()) {
  failsCleanly(`defend() by ${name}, variant ${i + 1},`, async (signal) => {
    await defend(gpu, {
      defense: DEFENSES.find((defense) => defense.name === name)!,
      student: smallStudent(1),
      clean: images,
      heldOut: images,
      measurement: { test: images, preprocessing, backdoor: pixelBackdoor },
      settings: { ...SMALL_DEFENSE, ...settings },
    }, { signal });
  }, { tries: TRIES / 2, refusal });
}

Deno.test("images that do not fit leave nothing behind", async () => {
  const unfitting = [
    { ...pixelBackdoor, trigger: identityTrigger(9, 9) },
    { ...imageBackdoor, trigger: { ...imageBackdoor.trigger, width: 9 } },
    {
      ...imageBackdoor,
      trigger: {
        ...imageBackdoor.trigger,
        apply(): Uint8Array<ArrayBuffer> {
          throw new UsageError("not this image");
        },
      },
    },
  ];
  for (const backdoor of unfitting) {
    const { error, left } = await attempt(async () => {
      using model = smallModel(gpu, 1);
      using store = uploadImages(gpu, images);
      await evaluateModel(gpu, model, store, { preprocessing, backdoor });
    });
    assert.ok(error instanceof UsageError);
    assert.equal(left, 0);
  }
  const { error, left } = await attempt(async () => {
    await defend(gpu, {
      defense: DEFENSES[0]!,
      student: smallStudent(1),
      clean: smallImages(12, 1),
      measurement: { test: images, preprocessing },
      settings: SMALL_DEFENSE,
    });
  });
  assert.ok(error instanceof LetheError, "fewer images than a batch");
  assert.equal(left, 0);
});

Deno.test("a stopped run is told by an error of this project", () => {
  assert.ok(new Interrupted("stopped") instanceof LetheError);
});
