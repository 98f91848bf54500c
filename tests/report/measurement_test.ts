import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { badnets } from "../../src/attacks/badnets.ts";
import type { ImageTrigger } from "../../src/data/trigger.ts";
import { selectImages } from "../../src/data/image_set.ts";
import { loadModel, tensorLookup } from "../../src/nn/model.ts";
import { initialState } from "../../src/nn/state.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { measure, type MeasurementRequest } from "../../src/report/measurement.ts";
import { imageOf } from "../../src/report/picture.ts";
import type { Shape } from "../../src/tensor/tensor.ts";
import { cleanCounts } from "../../src/train/confusion.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import type { Backdoor } from "../../src/data/backdoor.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { attentionMap } from "../../src/reference/attention.ts";
import { assertNear } from "../reference/compare.ts";
import { evaluate } from "../tensor/record.ts";
import { CLASSES, smallImages } from "../train/small.ts";

const ARCHITECTURE = wideResNet(10, 1, CLASSES);

const BADNETS: Backdoor = {
  name: "badnets",
  trigger: badnets.trigger({ height: 8, width: 8, seed: 1, options: {} }),
  target: { mode: "all2one", label: 2 },
};

/** Networks that differ, on 90 images. */
function request(change: Partial<MeasurementRequest> = {}): MeasurementRequest {
  const network = (name: string, seed: number) => ({
    name,
    network: { architecture: ARCHITECTURE, state: initialState(ARCHITECTURE, seed), source: name },
  });
  return {
    networks: [network("before", 1), network("after", 2)],
    test: smallImages(90, 1),
    images: 90,
    preprocessing: PLAIN_PREPROCESSING,
    operator: { reduction: "sum", power: 2 },
    backdoor: BADNETS,
    ...change,
  };
}

/** Changes each image in its own way. */
const BY_NUMBER: ImageTrigger = {
  height: 8,
  width: 8,
  apply: (image, index) => Uint8Array.from(image, (byte) => (byte + 3 * index) & 255),
};

for (const [kind, trigger] of [["pixels", BADNETS.trigger], ["images", BY_NUMBER]] as const) {
  Deno.test(`measure() of all images counts as evaluateModel() does, with a trigger on ${kind}`, async () => {
    const backdoor = { ...BADNETS, trigger };
    const asked = request({ backdoor });
    const { networks, records, triggered } = await measure(gpu, asked);
    assert.deepEqual([...records], [...asked.test.labels.keys()]);
    const store = uploadImages(gpu, asked.test);
    for (const [i, { network }] of asked.networks.entries()) {
      const model = loadModel(gpu, ARCHITECTURE, network.state, network.source);
      const expected = await evaluateModel(gpu, model, store, {
        preprocessing: PLAIN_PREPROCESSING,
        backdoor,
      });
      const found = networks[i]!;
      assert.deepEqual(found.clean.confusion, expected.confusion);
      assert.deepEqual(found.triggered?.confusion, expected.triggeredConfusion);
      for (const output of [found.clean, found.triggered!]) {
        const right = asked.test.labels.filter((label, n) => label === output.predictions[n]);
        assert.equal(right.length, cleanCounts(output.confusion).correct);
      }
      model[Symbol.dispose]();
    }
    store[Symbol.dispose]();
    assert.notDeepEqual(triggered?.pixels, asked.test.pixels);
  });
}

Deno.test("measure() chooses images at random, each once, whatever the network", async () => {
  const asked = request({ images: 64, networks: request().networks.slice(1) });
  const { records, clean, triggered, networks } = await measure(gpu, asked);
  assert.equal(new Set(records).size, 64);
  assert.deepEqual([...records], [...records].sort((a, b) => a - b));
  assert.notDeepEqual([...records], Array.from({ length: 64 }, (_, i) => i));
  assert.deepEqual(clean, selectImages(asked.test, records));
  assert.equal(networks[0]!.clean.predictions.length, 64);
  assert.equal(triggered?.labels.length, 64);
  assert.deepEqual((await measure(gpu, request({ images: 64 }))).records, records);
});

Deno.test("measure() shows the attention of one image a class, none of the target", async () => {
  const asked = request();
  const { samples, clean, networks } = await measure(gpu, asked);
  assert.deepEqual(samples.map((place) => clean.labels[place]), [0, 1]);
  const taps = networks[0]!.triggered!.attention;
  assert.deepEqual(taps.map(({ height, width, maps }) => [height, width, maps.length]), [
    [8, 8, 2],
    [4, 4, 2],
    [2, 2, 2],
  ]);
});

Deno.test("measure() of images of the target alone has predictions, and no attention", async () => {
  const { test } = request();
  const ofTarget = [...test.labels.keys()].filter((i) => test.labels[i] === BADNETS.target.label);
  const { samples, networks } = await measure(gpu, request({ test: selectImages(test, ofTarget) }));
  assert.deepEqual(samples, []);
  for (const { clean, triggered } of networks) {
    assert.equal(triggered?.predictions.length, ofTarget.length);
    assert.deepEqual([clean.attention, triggered.attention], [[], []]);
  }
});

Deno.test("measure() has the attention of the float64 reference on the network's activations", async () => {
  const asked = request();
  const { samples, clean, networks } = await measure(gpu, asked);
  const pixels = samples.flatMap((place) => [...imageOf(clean, place).pixels]);
  const model = loadModel(gpu, ARCHITECTURE, asked.networks[1]!.network.state, "after");
  const x = { shape: [2, 3, 8, 8], values: Float32Array.from(pixels, (byte) => byte / 255) };
  const shapes: Shape[] = [];
  const { outputs } = await evaluate([x], (tape, x) => {
    const { taps } = ARCHITECTURE.forward(tape, tensorLookup(model), x, "evaluation");
    shapes.push(...taps.map(({ shape }) => shape));
    return taps;
  });
  for (const [i, activations] of outputs.entries()) {
    const [batch = 0, channels = 0, height = 0, width = 0] = shapes[i]!;
    const geometry = { batch, channels, pixels: height * width };
    const expected = attentionMap(activations, geometry, asked.operator);
    const found = networks[1]!.clean.attention[i]!.maps.flatMap((map) => [...map]);
    assertNear(found, expected, 1e-4, `attention of tap ${i + 1}`);
  }
  model[Symbol.dispose]();
});

Deno.test("measure() without a backdoor leaves triggered images out", async () => {
  const { triggered, backdoor, networks, samples } = await measure(
    gpu,
    request({ backdoor: undefined }),
  );
  assert.deepEqual([triggered, backdoor, networks[0]!.triggered], [
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(samples.length, 3);
});
