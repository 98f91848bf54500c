/** What commands print and write when all goes well. */

import assert from "node:assert/strict";
import { loadSigns } from "../../src/data/signs.ts";
import { readNpy } from "../../src/formats/npy.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { filesUnder, runTask, start } from "./command.ts";
import { TINY_DATA, TINY_ERASURE, writeTinyModel } from "./tiny_model.ts";

const EVALUATION = [
  "accuracy",
  "accuracyInterval",
  "adapter",
  "correct",
  "dataset",
  "model",
  "samples",
  "seconds",
];
const ATTACK = [
  "accuracyNonTarget",
  "accuracyNonTargetInterval",
  "correct",
  "correctNonTarget",
  "name",
  "recoveredAccuracy",
  "recoveredAccuracyInterval",
  "samples",
  "success",
  "successRate",
  "successRateInterval",
  "target",
];

const keys = (value: object) => Object.keys(value).sort();

Deno.test("evaluate --json prints one document with exact counts, and writes logits", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["--model", "tiny.safetensors", "--limit", "70", "--logits", "logits.npy"];
    const finished = await runTask("evaluate", [...args, "--json", "--quiet"], { folder });
    assert.equal(finished.code, 0, finished.stderr);
    assert.match(finished.stderr, /^warning: tiny\.safetensors is right on [^\n]*\n$/);
    const document = JSON.parse(finished.stdout);
    assert.deepEqual(keys(document), EVALUATION);
    assert.equal(document.samples, 70);
    assert.equal(document.accuracy, document.correct / 70);
    const { shape, dtype } = readNpy(await Deno.readFile(`${folder}/logits.npy`), "logits.npy");
    assert.deepEqual([dtype, shape], ["float32", [70, 10]]);
  });
});

Deno.test("evaluate --attack recorded measures what the model's metadata says", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = [
      "--model",
      "tiny.safetensors",
      "--limit",
      "100",
      "--attack",
      "recorded",
      "--json",
    ];
    const { stdout, stderr } = await runTask("evaluate", args, { folder });
    const { attack, ...rest } = JSON.parse(stdout);
    assert.deepEqual(keys(rest), EVALUATION);
    assert.deepEqual(keys(attack), ATTACK);
    assert.deepEqual([attack.name, attack.target, attack.samples], ["badnets", 7, 90]);
    assert.match(stderr, /accuracy +outside target +attack success +recovered\nwrn-10-1/);
  });
});

Deno.test("evaluate --attack FILE measures what another model's metadata say", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const run = (...args: string[]) =>
      runTask("evaluate", ["--model", "tiny.safetensors", "--limit", "100", "--json", ...args], {
        folder,
      });
    const own = JSON.parse((await run("--attack", "recorded")).stdout);
    const other = JSON.parse((await run("--attack", "./tiny.safetensors")).stdout);
    assert.deepEqual(other.attack, own.attack);
    const { code, stderr } = await run("--attack", "tiny.safetensors", "--target", "3");
    assert.equal(code, 2);
    assert.match(
      stderr,
      /cannot aim --attack tiny\.safetensors anew: what is recorded has its own/,
    );
    const missing = await run("--attack", "no.safetensors");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no\.safetensors: there is no such file/);
  });
});

Deno.test("attack and erase leave complete run folders that evaluate agrees with", async () => {
  await withTemporaryFolder(async (folder) => {
    const small = ["--limit", "100", "--batch-size", "32", "--epochs", "1", "--json", "--quiet"];
    const attacked = await runTask("attack", [
      ...["--attack", "badnets", "--target", "3", "--arch", "wrn-10-1", "--train-limit", "256"],
      ...["--out", "attack", ...small],
    ], { folder });
    assert.equal(attacked.code, 0, attacked.stderr);
    assert.deepEqual(await filesUnder(`${folder}/attack`), [
      "checkpoint/lock",
      "checkpoint/training.safetensors",
      "metrics.jsonl",
      "model.safetensors",
      "run.json",
    ]);
    const implanted = JSON.parse(attacked.stdout);
    assert.deepEqual(keys(implanted), ["model", "out", "poisoned", "settings"]);
    assert.equal(implanted.poisoned, 26);

    const erased = await runTask("erase", [
      ...["--model", "attack/model.safetensors", "--attack", "recorded", "--out", "erase"],
      ...[
        "--train-indices",
        "0:64",
        "--log-every",
        "1",
        "--recipe",
        "paper",
        "--no-audit",
        ...small,
      ],
    ], { folder });
    assert.equal(erased.code, 0, erased.stderr);
    assert.deepEqual(await filesUnder(`${folder}/erase`), [
      "checkpoint/lock",
      "checkpoint/training.safetensors",
      "metrics.jsonl",
      "run.json",
      "student.safetensors",
      "teacher.safetensors",
    ]);
    const document = JSON.parse(erased.stdout);
    assert.deepEqual(keys(document), ["after", "before", "out", "settings", "teacher", "verdict"]);
    for (const stage of ["before", "teacher", "after"]) {
      assert.deepEqual(keys(document[stage]), [...EVALUATION, "attack"].sort(), stage);
    }
    const counts = ({ correct, attack: { success } }: {
      correct: number;
      attack: { success: number };
    }) => ({ correct, success });
    assert.deepEqual(counts(document.before), counts(implanted.model));

    const measured = await runTask("evaluate", [
      ...["--model", "erase/student.safetensors", "--attack", "recorded", "--limit", "100"],
      "--json",
    ], { folder });
    assert.deepEqual(counts(JSON.parse(measured.stdout)), counts(document.after));

    const lines = (await Deno.readTextFile(`${folder}/erase/metrics.jsonl`)).trim().split("\n");
    const metrics = lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      metrics.map(({ phase, epoch, step, at }) => [phase, epoch, step, at.length]),
      [["teacher", 1, 1, 0], ["teacher", 1, 2, 0], ["student", 1, 1, 3], ["student", 1, 2, 3]],
    );
    const record = JSON.parse(await Deno.readTextFile(`${folder}/erase/run.json`));
    assert.equal(record.finished, true);
    assert.deepEqual(record.results.after, document.after);
    const bytes = await Deno.readFile(`${folder}/erase/student.safetensors`);
    const { metadata } = readSafetensors(bytes, "student");
    assert.equal(metadata.get("format"), "pt");

    const again = await runTask("erase", [
      ...["--model", "attack/model.safetensors", "--train-indices", "0:64", "--out", "erase"],
      ...small,
    ], { folder });
    assert.equal(again.code, 2);
    assert.match(again.stderr, /erase: it holds a run already; go on with it by --resume/);
  });
});

Deno.test("erase without --attack measures accuracy only", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["--model", "tiny.safetensors", ...TINY_DATA, ...TINY_ERASURE, "--epochs", "1"];
    const { stdout, stderr } = await runTask("erase", [...args, "--json"], { folder });
    const document = JSON.parse(stdout);
    assert.deepEqual(keys(document.after), EVALUATION);
    assert.match(
      stderr,
      / +accuracy\noriginal +[\d.]+ %\nfinetuned teacher .*\nerased +[\d.]+ %/,
    );
    assert.deepEqual([...Deno.readDirSync(`${folder}/runs`)].map(({ name }) => name), ["erase-1"]);
  });
});

Deno.test("erase takes all training images of a folder, four fifths of what lies there", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const { train } = loadSigns({ trainCount: 100, parts: ["train"] });
    for (const [i, label] of train.labels.entries()) {
      const pixels = train.pixels.slice(i * 3072, (i + 1) * 3072);
      await Deno.mkdir(`${folder}/pictures/${label}`, { recursive: true });
      const png = encodePng({ height: 32, width: 32, pixels });
      await Deno.writeFile(`${folder}/pictures/${label}/${i}.png`, png);
    }
    const args = ["--model", "tiny.safetensors", "--dataset", "pictures", "--batch-size", "32"]
      .concat("--no-audit");
    const finished = await runTask("erase", [...args, "--epochs", "1", "--json"], { folder });
    assert.equal(finished.code, 0, finished.stderr);
    assert.match(finished.stderr, /with 80 clean images of .*pictures/);
    assert.equal(JSON.parse(finished.stdout).after.samples, 20);
  });
});

Deno.test("commands do not mind that nobody reads their output to its end", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    for (const args of [["--help"], ["--model", "tiny.safetensors", "--limit", "64", "--json"]]) {
      const child = start("evaluate", args, { folder });
      await child.stdout.cancel();
      const stderr = await new Response(child.stderr).text();
      assert.doesNotMatch(stderr, /Uncaught|Broken pipe/);
      assert.equal((await child.status).code, 0, stderr);
    }
    const child = start("evaluate", ["--model", "nothing.pth"], { folder });
    await child.stderr.cancel();
    assert.equal((await child.status).code, 1);
    await child.stdout.cancel();
  });
});
