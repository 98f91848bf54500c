import assert from "node:assert/strict";
import { readTriggerFiles } from "../../src/attacks/backdoor.ts";
import { sig } from "../../src/attacks/sig.ts";
import { applyTrigger } from "../../src/data/trigger.ts";
import { UsageError } from "../../src/errors.ts";
import { readNpy } from "../../src/formats/npy.ts";
import { wholeValues } from "../reference/values.ts";
import { shared } from "../shared.ts";

const SIZE = { height: 32, width: 32 };

const image = Uint8Array.from(wholeValues(3072, 256, 5));

/** floor(20 sin(2π 6 j / 32)) for j = 0..15, from a table of sines; the signal repeats after 16. */
const SIGNAL = [0, 18, 14, -8, -20, -8, 14, 18, 0, -19, -15, 7, 20, 7, -15, -19];

Deno.test("sig adds 20 sin(2π 6 j / 32) to column j and cuts off at 0 and 255", () => {
  const found = applyTrigger(sig.trigger({ ...SIZE, seed: 1, options: {} }), image);
  const expected = image.map((x, i) => Math.min(255, Math.max(0, x + SIGNAL[i % 16]!)));
  assert.deepEqual(found, expected);
});

Deno.test("sig takes amplitude and frequency", () => {
  const options = { delta: "50", frequency: "8" };
  const found = applyTrigger(sig.trigger({ ...SIZE, seed: 1, options }), image);
  const expected = image.map((x, i) => Math.min(255, Math.max(0, x + [0, 50, 0, -50][i % 4]!)));
  assert.deepEqual(found, expected);
});

Deno.test("sig refuses amplitudes and options that cannot be", () => {
  const refuse = (options: Record<string, string>) =>
    assert.throws(() => sig.trigger({ ...SIZE, seed: 1, options }), UsageError);
  refuse({ delta: "-1" });
  refuse({ delta: "much" });
  refuse({ phase: "0" });
});

const MASK = shared("triggers/signal_cifar10_mask.npy");

Deno.test({
  name: "sig blends the authors' mask file, whose negative half has wrapped",
  ignore: MASK === undefined,
  async fn() {
    const mask = MASK!.pathname;
    const { options } = await readTriggerFiles(
      {
        name: "sig",
        target: { mode: "all2one", label: 5 },
        options: { mask: { file: mask } },
        seed: 1,
      },
      SIZE,
    );
    const found = applyTrigger(sig.trigger({ ...SIZE, seed: 1, options }), image);
    const { data } = readNpy(await Deno.readFile(mask), mask);
    assert.equal(data[5], 241);
    const expected = image.map((x, i) => Math.floor((4 * x + Number(data[i % 1024])) / 5));
    assert.deepEqual(found, expected);
  },
});
