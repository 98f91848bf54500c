/** The command that judges a model without any trigger. */

import assert from "node:assert/strict";
import { decodeImage } from "../../src/formats/images.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, filesUnder, runTask, start } from "./command.ts";
import { tinyModelBytes, writeTinyModel } from "./tiny_model.ts";

const KEYS = [
  "accuracy",
  "adapter",
  "anomalyIndex",
  "classes",
  "dataset",
  "flagged",
  "images",
  "model",
  "seconds",
  "threshold",
];
const CLASS_KEYS = ["anomaly", "label", "margin", "maskNorm", "name", "successRate"];

const keys = (value: object) => Object.keys(value).sort();

const ARGS = ["--model", "tiny.safetensors", "--train-indices", "0:64", "--images", "40"] as const;

Deno.test("audit --help lists the flags and gives examples", async () => {
  const { code, stdout, stderr } = await runTask("audit", ["--help"]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.match(stdout, /^Usage: deno task audit \[options\]/);
  assert.match(stdout, /--classes <list>.*\n(.|\n)*Examples:\n {2}deno task audit/);
});

Deno.test("audit leaves a document, the recovered triggers and a picture of them", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = [...ARGS, "--classes", "7,0,3", "--steps", "12", "--out", "run", "--json"];
    const { code, stdout, stderr } = await runTask("audit", args, { folder });
    assert.equal(code, 0, stderr);
    const document = JSON.parse(stdout);
    assert.deepEqual(keys(document), KEYS);
    assert.equal(document.images, 40);
    assert.equal(document.classes.length, 3);
    for (const found of document.classes) assert.deepEqual(keys(found), CLASS_KEYS);
    assert.deepEqual(
      document.classes.map(({ label }: { label: number }) => label),
      [7, 0, 3],
    );
    const anomalies = document.classes.map(({ anomaly }: { anomaly: number }) => anomaly);
    assert.equal(document.anomalyIndex, Math.max(...anomalies));
    assert.match(stderr, /class +mask, pixels +success +margin +anomaly\n7 /);
    assert.match(stderr, /Nothing can be said: the model guesses\. .*hardly better than guessing/);

    const files = await filesUnder(`${folder}/run`);
    assert.deepEqual(files, [
      "checkpoint/lock",
      "patterns.png",
      "patterns.safetensors",
      "run.json",
    ]);
    const record = JSON.parse(await Deno.readTextFile(`${folder}/run/run.json`));
    assert.equal(record.finished, true);
    assert.deepEqual(record.results.audit, document);
    const bytes = await Deno.readFile(`${folder}/run/patterns.safetensors`);
    const { tensors } = readSafetensors(bytes, "patterns");
    const [mask, pattern] = [tensors.get("mask")!, tensors.get("pattern")!];
    assert.deepEqual([mask.dtype, mask.shape], ["float32", [10, 32, 32]]);
    assert.deepEqual([pattern.dtype, pattern.shape], ["float32", [10, 3, 32, 32]]);
    const values = mask.data as Float32Array;
    for (const { label, maskNorm } of document.classes) {
      const norm = values.subarray(1024 * label, 1024 * (label + 1)).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(norm - maskNorm) < 1e-3);
    }
    assert.ok(values.subarray(1024, 2048).every((value) => value === 0), "class 1 is left out");
    const png = decodeImage(await Deno.readFile(`${folder}/run/patterns.png`), "patterns.png");
    assert.deepEqual([png.width, png.height], [4 + 3 * 100, 4 + 3 * 100]);
  });
});

Deno.test("audit stops at Ctrl-C with a message and exit code 130", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const child = start("audit", [...ARGS, "--steps", "100000"], { folder });
    let stderr = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      stderr += text;
      if (text.includes("10 classes")) child.kill("SIGINT");
    }
    await child.stdout.cancel();
    assert.equal((await child.status).code, 130);
    assert.match(stderr, /Stopping after the steps in flight/);
    assert.match(stderr, /stopped; an audit keeps nothing until its end\n$/);
    assert.doesNotMatch(stderr, /Uncaught/);
  });
});

const WRONG: readonly (readonly [flags: string, message: RegExp])[] = [
  ["--dataset cifar10", /cannot audit without a model: the embedded one knows only signs/],
  ["--train-indices 0:64 --clean-fraction 0.1", /cannot take both/],
  ["--limit 100", /cannot limit the test images of an audit: .*--images/],
  ["--classes 0,3", /cannot audit 2 classes: expected at least 3/],
  ["--classes 0,3,12", /cannot audit class 12: expected each class once, 0 to 9/],
  ["--classes 0,3,3", /cannot audit class 3: expected each class once/],
  ["--classes 0,x", /'0,x' is invalid.*class numbers from 0/],
  ["--steps 0", /'0' is invalid.*a whole number of at least 1/],
  ["--resume runs/audit-1", /unknown option '--resume'/],
];

for (const [flags, message] of WRONG) {
  Deno.test(`audit ${flags} is refused as wrong usage`, async () => {
    await withTemporaryFolder(async (folder) => {
      assertRefused(await runTask("audit", flags.split(" "), { folder }), 2, message);
      assert.deepEqual(await filesUnder(folder), []);
    });
  });
}

Deno.test("audit refuses too few images, and a model with other classes", async () => {
  await withTemporaryFolder(async (folder) => {
    await Deno.writeFile(`${folder}/tiny.safetensors`, tinyModelBytes({ classes: 4 }));
    const few = ["--train-indices", "0:12"];
    assertRefused(
      await runTask("audit", few, { folder }),
      1,
      /cannot audit class 0 with 1\d images of other classes: expected at least 16/,
    );
    assertRefused(
      await runTask("audit", ["--model", "tiny.safetensors"], { folder }),
      2,
      /tiny\.safetensors on signs: the model has 4 classes, the data set 10/,
    );
    assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
  });
});
