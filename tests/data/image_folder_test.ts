import assert from "node:assert/strict";
import { encode as encodeJpeg } from "npm:jpeg-js@0.4.4";
import { loadDataset } from "../../src/data/datasets.ts";
import { memoryTree } from "../../src/data/archive_tree.ts";
import { folderTree } from "../../src/data/folder_tree.ts";
import { loadImageFolder } from "../../src/data/image_folder.ts";
import { resizeImage } from "../../src/data/resize.ts";
import { DataError, FormatError } from "../../src/errors.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

/** (3,height,width) whose mean tells `key` and whose pixels differ from each other. */
function picture(key: number, height: number, width: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 3 * height * width }, (_, i) => key * 20 + (i * 7) % 13);
}

async function writePng(path: string, key: number, height = 32, width = 32): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(path, encodePng({ height, width, pixels: picture(key, height, width) }));
}

/** `perClass` images in each of the class folders; image i of class c shows key 2 c + i mod 2. */
async function writeClasses(root: string, classes: string[], perClass: number): Promise<void> {
  for (const [label, name] of classes.entries()) {
    for (let i = 0; i < perClass; i++) {
      await writePng(`${root}/${name}/${String(i).padStart(3, "0")}.png`, 2 * label + i % 2);
    }
  }
}

async function rejects(
  promise: Promise<unknown>,
  pattern: RegExp,
  type: typeof DataError | typeof FormatError = DataError,
): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("loadImageFolder() reads train and test folders, sorted by class and name", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeClasses(`${folder}/train`, ["cat", "ant", "Bee"], 2);
    await writePng(`${folder}/test/cat/x.png`, 9);
    const { train, test, classNames, name } = await loadImageFolder(folderTree(folder));
    assert.equal(name, folder);
    assert.deepEqual(classNames, ["Bee", "ant", "cat"]);
    assert.deepEqual([...train.labels], [0, 0, 1, 1, 2, 2]);
    [4, 5, 2, 3, 0, 1].forEach((key, i) => {
      assert.deepEqual(train.pixels.subarray(i * 3072, (i + 1) * 3072), picture(key, 32, 32));
    });
    assert.deepEqual([...test.labels], [2]);
    assert.deepEqual(test.pixels, picture(9, 32, 32));
  });
});

Deno.test("loadImageFolder() resizes PNG, JPEG and PPM images of any size", async () => {
  await withTemporaryFolder(async (folder) => {
    await writePng(`${folder}/train/a/0.png`, 3, 50, 41);
    const grey = new Uint8Array(4 * 20 * 30).fill(120);
    await Deno.writeFile(
      `${folder}/train/a/1.jpg`,
      encodeJpeg({ width: 30, height: 20, data: grey }, 95).data,
    );
    await Deno.mkdir(`${folder}/train/b`);
    const header = new TextEncoder().encode("P6\n# a comment\n2 1\n255\n");
    const ppm = new Uint8Array([...header, 255, 0, 0, 255, 0, 0]);
    await Deno.writeFile(`${folder}/train/b/2.ppm`, ppm);
    await writePng(`${folder}/test/b/0.png`, 1, 8, 8);
    const { train, test } = await loadImageFolder(folderTree(folder));
    assert.deepEqual(
      train.pixels.subarray(0, 3072),
      resizeImage(picture(3, 50, 41), 50, 41, 32, 32),
    );
    for (const value of train.pixels.subarray(3072, 6144)) assert.ok(Math.abs(value - 120) <= 2);
    assert.deepEqual(train.pixels.subarray(6144, 6144 + 1024), new Uint8Array(1024).fill(255));
    assert.deepEqual(train.pixels.subarray(6144 + 1024), new Uint8Array(2048));
    assert.equal(test.pixels.length, 3072);

    const small = await loadImageFolder(folderTree(folder), { size: { height: 8, width: 8 } });
    assert.equal(small.test.width, 8);
    assert.equal(small.test.height, 8);
    assert.deepEqual(small.test.pixels, picture(1, 8, 8));
  });
});

Deno.test("loadImageFolder() splits a single folder by class, alike each time", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeClasses(folder, ["a", "b"], 10);
    const { train, test } = await loadImageFolder(folderTree(folder));
    assert.deepEqual([...train.labels], [...Array(8).fill(0), ...Array(8).fill(1)]);
    assert.deepEqual([...test.labels], [0, 0, 1, 1]);
    const again = await loadDataset({ name: folder, parts: ["test"] });
    assert.deepEqual(again.test, test);
    assert.equal(again.train.labels.length, 0);
    const half = await loadImageFolder(folderTree(folder), { testShare: 0.5 });
    assert.equal(half.test.labels.length, 10);
  });
});

Deno.test("loadImageFolder() loads only the training images asked for", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeClasses(`${folder}/train`, ["a", "b"], 2);
    await writeClasses(`${folder}/test`, ["a", "b"], 1);
    const { train } = await loadImageFolder(folderTree(folder), {
      trainSubset: (count) => {
        assert.equal(count, 4);
        return [1, 2];
      },
    });
    assert.deepEqual([...train.labels], [0, 1]);
    assert.deepEqual(train.pixels.subarray(0, 3072), picture(1, 32, 32));
    await rejects(
      loadImageFolder(folderTree(folder), { trainSubset: () => [4] }),
      /expected ascending indices below 4/,
    );
  });
});

Deno.test("loadImageFolder() leaves out up to 1 % of damaged images, for training and test each", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeClasses(`${folder}/train`, ["a", "b"], 100);
    await writeClasses(`${folder}/test`, ["a", "b"], 10);
    await Deno.writeTextFile(`${folder}/train/a/050.png`, "not an image");
    await Deno.writeTextFile(`${folder}/train/a/.DS_Store`, "passed over");
    await Deno.writeTextFile(`${folder}/train/b/readme.txt`, "as is this");
    const warnings: string[] = [];
    const notices: string[] = [];
    const { train, trainRecords } = await loadImageFolder(folderTree(folder), {
      onWarning: (text) => warnings.push(text),
      onNotice: (text) => notices.push(text),
    });
    assert.equal(train.labels.length, 199);
    assert.equal(train.pixels.length, 199 * 3072);
    assert.equal(train.labels.indexOf(1), 99);
    assert.deepEqual([trainRecords![49], trainRecords![50], trainRecords![198]], [49, 51, 199]);
    assert.deepEqual(train.pixels.subarray(50 * 3072, 51 * 3072), picture(1, 32, 32));
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0]!,
      /left out 1 damaged of the 200 images to train on .*train\/a\/050.png/,
    );
    assert.equal(notices.length, 1);
    assert.match(
      notices[0]!,
      /passed over .*: 1 hidden .*, 1 files that are no pictures .*readme.txt/,
    );

    await Deno.writeFile(`${folder}/test/a/empty.jpg`, new Uint8Array());
    await rejects(
      loadImageFolder(folderTree(folder)),
      /the 21 images to test on in .*: 1 could not be read, expected at most 1 %; .*empty.jpg/,
    );
    await loadImageFolder(folderTree(folder), { parts: ["train"] });
  });
});

Deno.test("loadImageFolder() refuses folders without a classification in them", async () => {
  await withTemporaryFolder(async (folder) => {
    await rejects(
      loadImageFolder(folderTree(`${folder}/none`)),
      /there is no such folder/,
      FormatError,
    );
    await Deno.mkdir(`${folder}/empty`);
    await rejects(
      loadImageFolder(folderTree(`${folder}/empty`)),
      /found 0 class folders, expected at least 2/,
    );
    await writeClasses(`${folder}/one`, ["only"], 3);
    await rejects(loadImageFolder(folderTree(`${folder}/one`)), /found 1 class folders \("only"\)/);
    await writeClasses(`${folder}/hole`, ["a", "b"], 3);
    await Deno.mkdir(`${folder}/hole/c`);
    await rejects(loadImageFolder(folderTree(`${folder}/hole`)), /class folder "c" holds no image/);
    await writeClasses(`${folder}/few`, ["a", "b"], 1);
    await rejects(loadImageFolder(folderTree(`${folder}/few`)), /0.2 of 2 files is no test image/);
  });
});

Deno.test("loadImageFolder() refuses a test folder that does not fit the training folder", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeClasses(`${folder}/train`, ["a", "b"], 1);
    await Deno.mkdir(`${folder}/test/a`, { recursive: true });
    await rejects(
      loadImageFolder(folderTree(folder)),
      /test": found no image in a folder of its class, expected images/,
    );
    await writeClasses(`${folder}/test`, ["c"], 1);
    await rejects(
      loadImageFolder(folderTree(folder)),
      /found class folder "c", expected one of those in/,
    );
  });
});

/** A tree of pictures: `a/0.png` to `b/N.png` in a folder, and others that are given. */
function tree(
  folders: Readonly<Record<string, number>>,
  others: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {},
) {
  const files = new Map(Object.entries(others));
  for (const [folder, count] of Object.entries(folders)) {
    for (let i = 0; i < count; i++) {
      const name = `${folder}/${"ab"[i % 2]}/${i}.png`;
      files.set(name, encodePng({ height: 4, width: 4, pixels: picture(i % 9, 4, 4) }));
    }
  }
  return memoryTree("set", files);
}

const CUT = encodePng({ height: 4, width: 4, pixels: picture(1, 4, 4) }).slice(0, 40);
const GIF = new TextEncoder().encode("GIF89a and so on");

Deno.test("loadImageFolder() refuses halves and classes of which no readable image is left", async () => {
  await rejects(
    loadImageFolder(tree({ train: 400 }, { "test/a/cut.png": CUT })),
    /the 1 images to test on in "set": 1 could not be read, .*truncated chunk/,
  );
  await rejects(
    loadImageFolder(tree({ train: 400 }, { "test/a/x.gif": GIF, "test/a/y.gif": GIF })),
    /the 2 images to test on in "set": none of them could be read; .*in the format GIF/,
  );
  const lost = tree({ train: 400, test: 2 }, { "train/c/cut.png": CUT });
  await rejects(
    loadImageFolder(lost),
    /the 401 images to train on .*: none of class "c" could be read, expected at least one/,
  );
  const { test, train } = await loadImageFolder(lost, { parts: ["test"] });
  assert.deepEqual([test.labels.length, train.labels.length], [2, 0]);
  await rejects(
    loadImageFolder(tree({ test: 2 }, { "train/a/x.webp": GIF, "train/b/y.webp": GIF })),
    /the 2 images to train on in "set": none of them could be read/,
  );
});

Deno.test("loadImageFolder() leaves out pictures of other kinds, however many, and names one", async () => {
  const warnings: string[] = [];
  const gifs = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`test/a/${i}.jpg`, GIF]));
  const { test } = await loadImageFolder(tree({ train: 4, test: 4 }, gifs), {
    onWarning: (text) => warnings.push(text),
  });
  assert.deepEqual([...test.labels], [0, 0, 1, 1]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /left out 9 of the 13 images to test on .*kind that is not read/);
  assert.match(warnings[0]!, /"?set\/test\/a\/0.jpg"?: found a picture in the format GIF/);
});

Deno.test("loadImageFolder() takes training images of all classes alike where they are limited", async () => {
  const options = { parts: ["train"], trainLimit: 5 } as const;
  const { train, trainRecords } = await loadImageFolder(tree({ train: 20, test: 2 }), options);
  assert.deepEqual([...train.labels], [0, 0, 0, 1, 1]);
  assert.deepEqual(Array.from(trainRecords!), [0, 1, 2, 10, 11]);
});

Deno.test("loadImageFolder() quotes and shortens what files are called", async () => {
  const evil = `\x1b[31m${"x".repeat(5000)}.png`.slice(-3000);
  const bad = tree({ train: 4, test: 4 }, { [`test/a/\x1b[31m${evil}`]: CUT });
  await assert.rejects(loadImageFolder(bad), (error) => {
    assert.ok(error instanceof DataError);
    assert.ok(error.message.length < 1000, error.message);
    assert.ok(!error.message.includes("\x1b"));
    return true;
  });
});
