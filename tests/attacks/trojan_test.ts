import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING, type Preprocessing } from "../../shaders/gather.ts";
import { readTriggerFiles } from "../../src/attacks/backdoor.ts";
import { chooseNeurons, invertPatch } from "../../src/attacks/patch_inversion.ts";
import { pictureText } from "../../src/attacks/picture_option.ts";
import { applyTrigger } from "../../src/data/trigger.ts";
import { trojan } from "../../src/attacks/trojan.ts";
import { UsageError } from "../../src/errors.ts";
import { readNpz } from "../../src/formats/npz.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { loadModel, readModel } from "../../src/nn/model.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";
import { floats } from "../../src/nn/state.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { gpu } from "../gpu/device.ts";
import { wholeValues } from "../reference/values.ts";
import { shared } from "../shared.ts";
import { CLASSES, SMALL_SETTINGS, smallImages, smallModel } from "../train/small.ts";

const SIZE = { height: 8, width: 8 };
const pixels = Uint8Array.from(wholeValues(192, 256, 1));
const image = Uint8Array.from(wholeValues(192, 256, 2));
const patch = pictureText({ ...SIZE, pixels });

Deno.test("trojan stamps its square of the patch and nothing else", () => {
  const options = { patch, size: "3", margin: "1" };
  const found = applyTrigger(trojan.trigger({ ...SIZE, seed: 1, options }), image);
  const expected = image.map((x, i) => {
    const [row, column] = [Math.floor(i / 8) % 8, i % 8];
    return row >= 4 && row <= 6 && column >= 4 && column <= 6 ? pixels[i]! : x;
  });
  assert.deepEqual(found, expected);
});

Deno.test("trojan adds the whole patch modulo 256 where it is told to", () => {
  const found = applyTrigger(
    trojan.trigger({ ...SIZE, seed: 1, options: { patch, mode: "add" } }),
    image,
  );
  assert.deepEqual(found, image.map((x, i) => (x + pixels[i]!) % 256));
});

Deno.test("trojan refuses to stamp or add a patch that it does not have", async () => {
  assert.throws(() => trojan.trigger({ ...SIZE, seed: 1, options: {} }), UsageError);
  const request = prepareRequest({ mode: "add" });
  await assert.rejects(trojan.prepare!(gpu, request, {}), UsageError);
});

const AUTHORS = shared("triggers/best_square_trigger_cifar10.npz");

Deno.test({
  name: "trojan adds the authors' patch file at rows and columns 25 to 27, modulo 256",
  ignore: AUTHORS === undefined,
  async fn() {
    const size = { height: 32, width: 32 };
    const target = { mode: "all2one", label: 5 } as const;
    const asked = { patch: { file: AUTHORS!.pathname }, mode: "add" };
    const { options } = await readTriggerFiles(
      { name: "trojan", target, options: asked, seed: 1 },
      size,
    );
    const picture = Uint8Array.from(wholeValues(3072, 256, 3));
    const found = applyTrigger(trojan.trigger({ ...size, seed: 1, options }), picture);
    const file = readNpz(await Deno.readFile(AUTHORS!), "patch").get("x")!;
    const values = floats(file);
    const expected = picture.map((x, i) => Math.floor(x + values[i]!) % 256);
    assert.deepEqual(found, expected);
    for (const [i, byte] of found.entries()) {
      const inside = [Math.floor(i / 32) % 32, i % 32].every((at) => at >= 25 && at <= 27);
      if (!inside) assert.equal(byte, picture[i]);
    }
  },
});

Deno.test("chooseNeurons() takes the largest sums of absolute outgoing weights", () => {
  const weights = Float32Array.of(1, -5, 2, 0, -1, 2, -3, 0);
  assert.deepEqual(chooseNeurons(weights, 4, 3), [1, 2, 0]);
});

for (
  const preprocessing of [PLAIN_PREPROCESSING, {
    mean: [0.5, 0.4, 0.3],
    deviation: [0.2, 0.25, 0.5],
  }] satisfies Preprocessing[]
) {
  const name = preprocessing === PLAIN_PREPROCESSING ? "plain" : "normalised";
  Deno.test(`invertPatch() finds a patch that excites the chosen neurons, ${name} pixels`, async () => {
    const before = gpu.counters.bytes;
    const model = smallModel(gpu, 6);
    const background = smallImages(8, 4);
    const settings = {
      size: 3,
      row: 4,
      column: 2,
      neurons: 2,
      activation: 100,
      step: 0.1,
      seed: 1,
      preprocessing,
    };
    const first = await invertPatch(gpu, model, background, { ...settings, steps: 1 });
    const best = await invertPatch(gpu, model, background, { ...settings, steps: 60 });
    assert.ok(best.activation > 1.05 * first.activation, `${first.activation}, ${best.activation}`);

    // The same by other means: stamped bytes, and the neurons as the first logit.
    const stamped = background.pixels.slice();
    for (let n = 0; n < 8; n++) {
      for (const [i, byte] of best.pixels.entries()) {
        const [c, r, s] = [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3];
        stamped[((n * 3 + c) * 8 + 4 + r) * 8 + 2 + s] = byte;
      }
    }
    const state = await readModel(gpu, model);
    const weights = floats(state.get("fc.weight")!);
    const head = new Float32Array(CLASSES * 64);
    for (const neuron of chooseNeurons(weights, 64, 2)) head[neuron] = 0.5;
    state.set("fc.weight", { dtype: "float32", shape: [CLASSES, 64], data: head });
    const bias = new Float32Array(CLASSES);
    state.set("fc.bias", { dtype: "float32", shape: [CLASSES], data: bias });
    const probe = loadModel(gpu, model.architecture, state, "probe");
    const store = uploadImages(gpu, { ...background, pixels: stamped });
    const { logits } = await evaluateModel(gpu, probe, store, { preprocessing, logits: true });
    const mean = logits!.reduce((sum, value, i) => i % CLASSES === 0 ? sum + value : sum, 0) / 8;
    assert.ok(Math.abs(mean - best.activation) < 0.01 * best.activation, `${mean}`);
    store[Symbol.dispose]();
    probe[Symbol.dispose]();
    model[Symbol.dispose]();
    assert.equal(gpu.counters.bytes, before, "all memory is freed");
  });
}

/** What `prepare` gets in these tests. */
function prepareRequest(options: Record<string, string>) {
  const train = smallImages(48, 4);
  return {
    ...SIZE,
    seed: 1,
    options,
    train,
    poisoned: Uint32Array.of(1, 5, 7),
    architecture: wideResNet(10, 1, CLASSES),
    training: SMALL_SETTINGS,
  };
}

Deno.test("trojan prepares its patch with a model that it trains, or the same one from a file", async () => {
  const before = gpu.counters.bytes;
  const asked = { epochs: "1", steps: "20" };
  let helper: Uint8Array | undefined;
  const { options, images } = await trojan.prepare!(gpu, prepareRequest(asked), {
    onHelper(state) {
      helper = writeSafetensors(state);
      return Promise.resolve();
    },
  });
  assert.equal(images, undefined);
  assert.ok(options.patch!.startsWith("data:image/png;base64,"));
  const found = applyTrigger(trojan.trigger({ ...SIZE, seed: 9, options }), image);
  assert.equal(found.filter((byte, i) => byte !== image[i]).length > 15, true);
  await withTemporaryFolder(async (folder) => {
    const model = `${folder}/helper.safetensors`;
    await Deno.writeFile(model, helper!);
    const again = await trojan.prepare!(gpu, prepareRequest({ ...asked, model }), {});
    assert.deepEqual(again.options, options);
  });
  assert.equal(gpu.counters.bytes, before, "all memory is freed");
});
