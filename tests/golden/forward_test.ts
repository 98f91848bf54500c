import assert from "node:assert/strict";
import { NO_AUGMENTATION, PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import type { Model } from "../../src/nn/model.ts";
import { tensorLookup } from "../../src/nn/model.ts";
import { attentionMap } from "../../src/tensor/operations/attention.ts";
import type { Mode } from "../../src/tensor/operations/batch_norm.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { createBatchSource, gatherBatch, startEpoch } from "../../src/train/batches.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { normalisedAttention } from "../../src/reference/attention.ts";
import { largestDifference, largestMagnitude } from "../reference/compare.ts";
import { goldenArrays, goldenImages, present, publishedModel, values } from "./published.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";

/** Logits, taps and attention maps of the 64 images of a golden file. */
async function forward(model: Model, golden: StateDict, mode: Mode) {
  const set = goldenImages(golden);
  const store = uploadImages(gpu, set);
  const count = set.labels.length;
  const source = createBatchSource(gpu, store, { batchSize: count, steps: 1 });
  const tape = new Tape(gpu.capabilities);
  const batch = gatherBatch(tape, store, source, NO_AUGMENTATION, PLAIN_PREPROCESSING);
  const { logits, taps } = model.architecture.forward(tape, tensorLookup(model), batch.x, mode);
  const maps = taps.map((tap) => attentionMap(tape, tap, { reduction: "sum", power: 2 }));
  for (const tensor of [logits, ...taps, ...maps]) tape.keep(tensor);
  const program = buildProgram(gpu, tape);
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  startEpoch(gpu, source, { epoch: 0, seed: 0, indices });
  program.prepare();
  program.run();
  const read = (tensors: typeof taps) => Promise.all(tensors.map((t) => program.read(t)));
  return {
    count,
    logits: await program.read(logits),
    taps: await read(taps),
    maps: await read(maps),
  };
}

for (const which of ["student", "teacher"] as const) {
  Deno.test({
    name: `logits of the published ${which} in evaluation mode equal PyTorch's`,
    ignore: !present("golden/forward.npz"),
    async fn() {
      const golden = goldenArrays("forward.npz");
      const { logits } = await forward(await publishedModel(gpu, which), golden, "evaluation");
      const difference = largestDifference(logits, values(golden, `${which}_logits`));
      assert.ok(difference < 1e-4, `the logits are off by ${difference}`);
    },
  });
}

Deno.test({
  name:
    "outputs of the residual groups and attention maps of the published student equal PyTorch's",
  ignore: !present("golden/forward.npz"),
  async fn() {
    const golden = goldenArrays("forward.npz");
    const { taps, maps, count } = await forward(
      await publishedModel(gpu, "student"),
      golden,
      "evaluation",
    );
    for (const [i, tap] of taps.entries()) {
      const expected = values(golden, `student_block${i + 1}`);
      const relative = largestDifference(tap.subarray(0, expected.length), expected) /
        largestMagnitude(expected);
      assert.ok(relative < 1e-5, `tap ${i + 1} is off by ${relative} of its largest magnitude`);
    }
    for (const [i, map] of maps.entries()) {
      const expected = values(golden, `student_attention${i + 1}`);
      const pixels = map.length / count;
      const found = normalisedAttention(map, pixels).subarray(0, expected.length);
      const relative = largestDifference(found, expected) / largestMagnitude(expected);
      assert.ok(relative < 1e-5, `attention map ${i + 1} is off by ${relative}`);
    }
  },
});

Deno.test({
  name: "logits of the published student in training mode equal PyTorch's",
  ignore: !present("golden/nad_step.npz"),
  async fn() {
    const golden = goldenArrays("nad_step.npz");
    const { logits } = await forward(await publishedModel(gpu, "student"), golden, "training");
    const difference = largestDifference(logits, values(golden, "train_logits"));
    assert.ok(difference < 1e-4, `the logits are off by ${difference}`);
  },
});
