import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { floats, initialState } from "../../src/nn/state.ts";
import { matchingArchitectures } from "../../src/nn/architectures.ts";
import type { Architecture } from "../../src/nn/architecture.ts";
import { denseNets } from "../../src/nn/families/densenet.ts";
import { mobileNetV2s } from "../../src/nn/families/mobilenet_v2.ts";
import { loadModel } from "../../src/nn/model.ts";
import { bestVariant, crossEntropies } from "../../src/jobs/variant.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import type { HostTensor, StateDict } from "../../src/formats/host_tensor.ts";
import { gpu } from "../gpu/device.ts";
import { assertNear } from "../reference/compare.ts";
import { normalValues, wholeValues } from "../reference/values.ts";

const SEED = 20_261_130;
const CLASSES = 5;
const IMAGES = 60;
const SIDE = 32;

Deno.test("crossEntropies() are the negative logarithms of the labels' shares", () => {
  const found = crossEntropies([0, Math.log(3), 1000, 0], [1, 1], 2);
  assertNear(found, [Math.log(4 / 3), 1000], 1e-12, "entropies");
});

Deno.test("bestVariant() keeps to the usual one unless another is clearly better", () => {
  const usual = Float64Array.from({ length: 100 }, (_, i) => 1 + 0.1 * (i % 3));
  const same = usual.map((value, i) => value + 0.01 * (i % 2 === 0 ? -1.05 : 1));
  const better = usual.map((value) => value - 0.05);
  const worse = usual.map((value) => value + 0.2);
  assert.equal(bestVariant([usual, same]), 0);
  assert.equal(bestVariant([usual, better, worse]), 1);
  assert.equal(bestVariant([usual, worse, better]), 2);
  assert.equal(bestVariant([usual]), 0);
});

/** Random tensors of a torchvision ResNet-18 whose 3x3 stem leaves its stride and pooling open. */
function openResNet(): StateDict {
  const state: StateDict = new Map();
  const put = (name: string, shape: number[], data: Float32Array<ArrayBuffer>) =>
    state.set(name, { dtype: "float32", shape, data } satisfies HostTensor);
  let seed = SEED;
  const convolution = (name: string, outputs: number, inputs: number, kernel: number) => {
    const count = outputs * inputs * kernel * kernel;
    const deviation = Math.sqrt(2 / (inputs * kernel * kernel));
    const data = normalValues(count, seed++).map((value) => value * deviation);
    put(`${name}.weight`, [outputs, inputs, kernel, kernel], data);
  };
  const norm = (name: string, channels: number) => {
    put(`${name}.weight`, [channels], new Float32Array(channels).fill(1));
    put(`${name}.bias`, [channels], new Float32Array(channels));
    put(`${name}.running_mean`, [channels], new Float32Array(channels));
    put(`${name}.running_var`, [channels], new Float32Array(channels).fill(1));
  };
  convolution("conv1", 4, 3, 3);
  norm("bn1", 4);
  let inputs = 4;
  for (const [stage, channels] of [4, 8, 16, 32].entries()) {
    for (const block of [0, 1]) {
      const name = `layer${stage + 1}.${block}`;
      convolution(`${name}.conv1`, channels, inputs, 3);
      norm(`${name}.bn1`, channels);
      convolution(`${name}.conv2`, channels, channels, 3);
      norm(`${name}.bn2`, channels);
      if (inputs !== channels) {
        convolution(`${name}.downsample.0`, channels, inputs, 1);
        norm(`${name}.downsample.1`, channels);
      }
      inputs = channels;
    }
  }
  put("fc.weight", [CLASSES, 32], normalValues(CLASSES * 32, seed++));
  put("fc.bias", [CLASSES], new Float32Array(CLASSES));
  return state;
}

/** Fresh tensors of a network that a family names, with a head that tells images apart. */
function fresh(architecture: Architecture): StateDict {
  const state = initialState(architecture, SEED);
  const { weight } = architecture.head!;
  const tensor = state.get(weight)!;
  return state.set(weight, { ...tensor, data: floats(tensor).map((value) => value * 8) });
}

/** Blobs of colour, which survive strides. */
const PIXELS = Uint8Array.from({ length: IMAGES * 3 * SIDE * SIDE }, (_, i) => {
  const [image, channel] = [Math.floor(i / (3 * SIDE * SIDE)), Math.floor(i / (SIDE * SIDE)) % 3];
  const [row, column] = [Math.floor(i / SIDE) % SIDE, i % SIDE];
  const blob = (image * 7 + channel * 3 + (row >> 2) * (image % 5 + 1) + (column >> 2)) % 11;
  return 20 * blob + wholeValues(1, 16, i)[0]!;
});

for (
  const [family, state] of [
    ["torchvision ResNet with a 3x3 stem", openResNet],
    [
      "torchvision DenseNet with a 3x3 stem",
      () => {
        // kuangliu's names in torchvision's spelling.
        const kuangliu = fresh(denseNets.named("densenet-121-cifar:2", CLASSES)!);
        const renamed: StateDict = new Map();
        for (const [name, tensor] of kuangliu) {
          const spelled = name
            .replace(/^conv1/, "features.conv0").replace(/^linear/, "classifier")
            .replace(/^bn\./, "features.norm5.")
            .replace(/^trans(\d)\.bn/, "features.transition$1.norm")
            .replace(/^trans(\d)/, "features.transition$1")
            .replace(
              /^dense(\d)\.(\d+)\.(bn|conv)(\d)/,
              (_, b, l, kind, i) =>
                `features.denseblock${b}.denselayer${Number(l) + 1}.${
                  kind === "bn" ? "norm" : "conv"
                }${i}`,
            );
          renamed.set(spelled, tensor);
        }
        const one = (value: number): HostTensor => ({
          dtype: "float32",
          shape: [4],
          data: new Float32Array(4).fill(value),
        });
        renamed.set("features.norm0.weight", one(1)).set("features.norm0.bias", one(0));
        return renamed.set("features.norm0.running_mean", one(0))
          .set("features.norm0.running_var", one(1));
      },
    ],
    ["MobileNetV2", () => fresh(mobileNetV2s.named("mobilenet-v2-cifar:4", CLASSES)!)],
  ] as const
) {
  Deno.test(`Cross-entropy tells the variants of a ${family} apart`, async () => {
    const tensors = state();
    const variants = matchingArchitectures(tensors, "a file");
    assert.ok(variants.length > 1);
    const labels = new Uint16Array(IMAGES);
    const images = { pixels: PIXELS, labels, height: SIDE, width: SIDE };
    using store = uploadImages(gpu, images);
    const logits: Float32Array[] = [];
    for (const architecture of variants) {
      using model = loadModel(gpu, architecture, tensors, "a file");
      const options = { preprocessing: PLAIN_PREPROCESSING, logits: true };
      logits.push((await evaluateModel(gpu, model, store, options)).logits!);
    }
    for (const [right, own] of logits.entries()) {
      // A head that has learned on the right variant: its logits are spread about 0.
      const level = Array.from(
        { length: CLASSES },
        (_, k) => own.reduce((sum, value, i) => i % CLASSES === k ? sum + value / IMAGES : sum, 0),
      );
      const centred = (each: Float32Array) => each.map((value, i) => value - level[i % CLASSES]!);
      const spread = Math.hypot(...centred(own)) / Math.sqrt(own.length);
      const trained = logits.map((each) => centred(each).map((value) => 3 * value / spread));
      for (let i = 0; i < IMAGES; i++) {
        const row = [...trained[right]!.subarray(i * CLASSES, (i + 1) * CLASSES)];
        labels[i] = row.indexOf(Math.max(...row));
      }
      const entropies = trained.map((each) => crossEntropies(each, labels, CLASSES));
      const means = entropies.map((each) =>
        (each.reduce((sum, value) => sum + value, 0) / IMAGES).toFixed(3)
      );
      console.log(`${variants[right]!.name}: ${means.join(" ")}`);
      assert.equal(bestVariant(entropies), right, means.join(" "));
    }
  });
}
