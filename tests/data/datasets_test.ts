import assert from "node:assert/strict";
import { zipSync } from "npm:fflate@0.8.3";
import { loadCifar10 } from "../../src/data/cifar10.ts";
import { DATASET_NAMES, downloadDataset, loadDataset } from "../../src/data/datasets.ts";
import { folderTree } from "../../src/data/folder_tree.ts";
import { nearestName } from "../../src/data/nearest_name.ts";
import { loadSigns } from "../../src/data/signs.ts";
import { FormatError, UsageError } from "../../src/errors.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

Deno.test("loadDataset() loads signs without any file", async () => {
  const { name, train, test } = await loadDataset({
    name: "signs",
    trainSubset: () => [5, 6],
    parts: ["train"],
  });
  assert.equal(name, "signs");
  assert.equal(train.labels.length, 2);
  assert.equal(test.labels.length, 0);
});

Deno.test("loadDataset() hands the path on to the loader", async () => {
  await withTemporaryFolder(async (folder) => {
    await assert.rejects(loadDataset({ name: "cifar10", path: folder }), (error) => {
      assert.ok(error instanceof FormatError);
      assert.ok(error.message.includes(folder));
      return true;
    });
  });
});

Deno.test("loadDataset() lists the known names and suggests the nearest one", async () => {
  await assert.rejects(loadDataset({ name: "cifar-10" }), (error) => {
    assert.ok(error instanceof UsageError);
    for (const name of DATASET_NAMES) assert.ok(error.message.includes(name));
    assert.match(error.message, /did you mean "cifar10"\?$/);
    return true;
  });
  await assert.rejects(loadDataset({ name: "imagenet" }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.doesNotMatch(error.message, /did you mean/);
    return true;
  });
  for (const name of ["", "constructor", "__proto__", "toString"]) {
    await assert.rejects(loadDataset({ name }), UsageError);
  }
});

Deno.test("nearestName() finds near misses and nothing else", () => {
  const known = ["signs", "cifar10", "gtsrb"];
  assert.equal(nearestName("sign", known), "signs");
  assert.equal(nearestName("CIFAR10", known), "cifar10");
  assert.equal(nearestName("gtrsb", known), "gtsrb");
  assert.equal(nearestName("gt", known), undefined);
  assert.equal(nearestName("mnist", known), undefined);
  assert.equal(nearestName("x", []), undefined);
});

Deno.test("downloadDataset() fetches nothing that is there already, nor for signs", async () => {
  await withTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/cifar-10-binary.tar.gz`, "a copy");
    assert.deepEqual(await downloadDataset("cifar10", folder), []);
    assert.deepEqual(await downloadDataset("signs", folder), []);
    await assert.rejects(downloadDataset("sings", folder), { message: /did you mean "signs"/ });
  });
});

Deno.test("every data set takes a limited number of training images of all classes alike", async () => {
  await withTemporaryFolder(async (folder) => {
    for (let file = 1; file <= 6; file++) {
      const bytes = new Uint8Array(10 * 3073);
      // Nothing but class 3 at first, and of class 7 one image at the end of each file.
      for (let r = 0; r < 10; r++) bytes.fill(r === 9 ? 7 : 3, r * 3073, r * 3073 + 1);
      const name = file === 6 ? "test_batch.bin" : `data_batch_${file}.bin`;
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    const { train, trainRecords, test } = await loadCifar10(folderTree(folder), {
      recordsPerFile: 10,
      trainLimit: 5,
      trainSubset: () => assert.fail("the limit goes before it"),
    });
    assert.deepEqual([...train.labels], [3, 3, 3, 7, 7]);
    assert.deepEqual(Array.from(trainRecords!), [0, 1, 2, 9, 19]);
    assert.equal(test.labels.length, 10);
  });
  const { train, trainRecords } = loadSigns({ parts: ["train"], trainLimit: 25 });
  assert.equal(train.labels.length, 25);
  const counts = Array.from(
    { length: 10 },
    (_, label) => train.labels.filter((l) => l === label).length,
  );
  assert.deepEqual(counts, [3, 3, 3, 3, 3, 2, 2, 2, 2, 2]);
  assert.equal(trainRecords!.length, 25);
});

Deno.test("loadDataset() loads an archive by its path, and quotes names that it does not know", async () => {
  await withTemporaryFolder(async (folder) => {
    const image = encodePng({ height: 2, width: 2, pixels: new Uint8Array(12).fill(50) });
    const names = Array.from({ length: 20 }, (_, i) => `set/${"ab"[i % 2]}/${i}.png`);
    const zip = zipSync(Object.fromEntries(names.map((name) => [name, image])));
    await Deno.writeFile(`${folder}/set.zip`, zip);
    const { train, classNames, name } = await loadDataset({ name: `${folder}/set.zip` });
    assert.deepEqual([train.labels.length, classNames], [16, ["a", "b"]]);
    assert.equal(name, `${folder}/set.zip`);
    await Deno.writeFile(`${folder}/set.7z`, new TextEncoder().encode("7z and more"));
    await assert.rejects(loadDataset({ name: `${folder}/set.7z` }), /expected zip, tar or tar.gz/);
  });
  await assert.rejects(
    loadDataset({ name: "\x1b[31m" }),
    /load the data set "\\u001b\[31m": expected/,
  );
});

Deno.test("loadDataset() takes labels, class names, their order and a size from its request", async () => {
  await withTemporaryFolder(async (folder) => {
    const image = encodePng({ height: 6, width: 8, pixels: new Uint8Array(144).fill(50) });
    await Deno.mkdir(`${folder}/flat`);
    const rows: string[] = [];
    for (let i = 0; i < 20; i++) {
      await Deno.writeFile(`${folder}/flat/${i}.png`, image);
      rows.push(`${i}.png,${["dog", "cat"][i % 2]}`);
    }
    await Deno.writeTextFile(`${folder}/labels.csv`, `file,label\n${rows.join("\n")}\n`);
    await Deno.writeTextFile(`${folder}/names.json`, '{"dog": 1, "cat": 2, "ant": 0}');
    const notices: string[] = [];
    const { train, classNames } = await loadDataset({
      name: `${folder}/flat`,
      labelsFile: `${folder}/labels.csv`,
      classNamesFile: `${folder}/names.json`,
      size: { height: 4, width: 5 },
      resize: "crop",
      onNotice: (text) => notices.push(text),
    });
    assert.deepEqual(classNames, ["ant", "dog", "cat"]);
    assert.deepEqual(new Set(train.labels), new Set([1, 2]));
    assert.deepEqual([train.height, train.width, train.pixels.length], [4, 5, 16 * 60]);
    assert.deepEqual(notices, [
      "images of 6x8 pixels are brought to 4x5 (height x width), their centre cut out",
    ]);
    for (const number of ["2", "10"]) {
      await Deno.mkdir(`${folder}/numbered/${number}`, { recursive: true });
      for (let i = 0; i < 4; i++) {
        await Deno.writeFile(`${folder}/numbered/${number}/${i}.png`, image);
      }
    }
    const numbered = { name: `${folder}/numbered`, classOrder: "numeric" } as const;
    assert.deepEqual((await loadDataset(numbered)).classNames, ["2", "10"]);
    const missing = { ...numbered, labelsFile: `${folder}/none.csv` };
    await assert.rejects(loadDataset(missing), /cannot read the labels .*there is no such file/);
  });
  const { test } = await loadDataset({
    name: "signs",
    parts: ["test"],
    size: { height: 8, width: 4 },
  });
  assert.deepEqual([test.height, test.width, test.pixels.length], [8, 4, 2000 * 96]);
  await assert.rejects(loadDataset({ name: "signs", classNamesFile: "names.txt" }), UsageError);
});
