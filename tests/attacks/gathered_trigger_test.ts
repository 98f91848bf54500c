import assert from "node:assert/strict";
import { NO_AUGMENTATION, PLAIN_PREPROCESSING, TRIGGERED } from "../../shaders/gather.ts";
import { ATTACKS } from "../../src/attacks/attacks.ts";
import { pictureText } from "../../src/attacks/picture_option.ts";
import { applyTrigger, isPixelTrigger, type PixelTrigger } from "../../src/data/trigger.ts";
import type { ImageSet } from "../../src/data/image_set.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { createBatchSource, gatherBatch, startEpoch } from "../../src/train/batches.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { wholeValues } from "../reference/values.ts";

const SIZE = { height: 32, width: 32 };
const RECORD = 3072;
const picture = pictureText({ ...SIZE, pixels: Uint8Array.from(wholeValues(RECORD, 256, 3)) });

/** Options that show each attack, and its variants, at work. */
const OPTIONS: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>> = {
  badnets: [{}, { pattern: "white", corner: "all", size: "4", margin: "2" }],
  blend: [{}, { alpha: "0.37" }, { image: picture }],
  trojan: [{ patch: picture }, { patch: picture, mode: "add" }],
  "clean-label": [{}, { amplitude: "32" }],
  sig: [{}, { mask: picture }],
};

/** Bytes of the images as the GPU gathers them with the trigger on. */
async function gathered(set: ImageSet, trigger: PixelTrigger): Promise<Uint8Array> {
  const store = uploadImages(gpu, set);
  const batchSize = store.count;
  const source = createBatchSource(gpu, store, { batchSize, steps: 1, trigger });
  const tape = new Tape(gpu.capabilities);
  const { x } = gatherBatch(tape, store, source, NO_AUGMENTATION, PLAIN_PREPROCESSING);
  tape.keep(x);
  const program = buildProgram(gpu, tape);
  const indices = Uint32Array.from({ length: batchSize }, (_, i) => (i | TRIGGERED) >>> 0);
  startEpoch(gpu, source, { epoch: 0, seed: 0, indices });
  program.run();
  const values = await program.read(x);
  program[Symbol.dispose]();
  source[Symbol.dispose]();
  store[Symbol.dispose]();
  return Uint8Array.from(values, (value) => Math.round(255 * value));
}

for (const attack of ATTACKS) {
  for (const options of OPTIONS[attack.name] ?? []) {
    const names = Object.keys(options).join(" and ") || "its defaults";
    Deno.test(`the GPU stamps the bytes of ${attack.name} with ${names} as applyTrigger() does`, async () => {
      const trigger = attack.trigger({ ...SIZE, seed: 2, options });
      assert.ok(isPixelTrigger(trigger));
      const pixels = Uint8Array.from(wholeValues(6 * RECORD, 256, 7));
      const set = { ...SIZE, pixels, labels: new Uint16Array(6) };
      const found = await gathered(set, trigger);
      for (let i = 0; i < 6; i++) {
        const [from, to] = [i * RECORD, (i + 1) * RECORD];
        const expected = applyTrigger(trigger, pixels.subarray(from, to));
        assert.deepEqual(found.subarray(from, to), expected);
        assert.notDeepEqual(expected, pixels.subarray(from, to));
      }
    });
  }
}
