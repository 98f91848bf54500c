import assert from "node:assert/strict";
import { DATASET_NAMES, downloadDataset, loadDataset } from "../../src/data/datasets.ts";
import { nearestName } from "../../src/data/nearest_name.ts";
import { FormatError, UsageError } from "../../src/errors.ts";
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
