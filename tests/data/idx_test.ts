import assert from "node:assert/strict";
import { gzipSync } from "npm:fflate@0.8.3";
import { loadDataset } from "../../src/data/datasets.ts";
import { memoryTree } from "../../src/data/archive_tree.ts";
import { folderTree } from "../../src/data/folder_tree.ts";
import { loadIdx, MNIST_CLASS_NAMES, parseIdx } from "../../src/data/idx.ts";
import { DataError, FormatError } from "../../src/errors.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

function idx(shape: number[], bytes: number[] | Uint8Array, type = 8): Uint8Array<ArrayBuffer> {
  const lengths = shape.flatMap((n) => [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255]);
  return new Uint8Array([0, 0, type, shape.length, ...lengths, ...bytes]);
}

/** `count` images whose pixel p has the value 1 + (p + 50 i) mod 200. */
function images(count: number, height: number, width: number): Uint8Array<ArrayBuffer> {
  const area = height * width;
  const bytes = Uint8Array.from(
    { length: count * area },
    (_, at) => 1 + (at % area + 50 * Math.floor(at / area)) % 200,
  );
  return idx([count, height, width], bytes);
}

async function write(folder: string): Promise<void> {
  await Deno.writeFile(`${folder}/train-images-idx3-ubyte.gz`, gzipSync(images(3, 28, 27)));
  await Deno.writeFile(`${folder}/train-labels-idx1-ubyte.gz`, gzipSync(idx([3], [7, 0, 9])));
  await Deno.writeFile(`${folder}/t10k-images-idx3-ubyte`, images(1, 28, 27));
  await Deno.writeFile(`${folder}/t10k-labels-idx1-ubyte`, idx([1], [4]));
}

function checkImage(pixels: Uint8Array, slot: number, image: number): void {
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 32; x++) {
        const inside = y >= 2 && y < 30 && x >= 2 && x < 29;
        const expected = inside ? 1 + ((y - 2) * 27 + x - 2 + 50 * image) % 200 : 0;
        assert.equal(pixels[((slot * 3 + c) * 32 + y) * 32 + x], expected);
      }
    }
  }
}

async function rejects(promise: Promise<unknown>, pattern: RegExp, type = FormatError) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("loadIdx() centres grey images in three channels of 32x32, packed or not", async () => {
  await withTemporaryFolder(async (folder) => {
    await write(folder);
    const { train, test, classNames } = await loadDataset({ name: "mnist", path: folder });
    assert.deepEqual(classNames, MNIST_CLASS_NAMES);
    assert.deepEqual([...train.labels], [7, 0, 9]);
    assert.deepEqual([...test.labels], [4]);
    for (let i = 0; i < 3; i++) checkImage(train.pixels, i, i);
    checkImage(test.pixels, 0, 0);
  });
});

Deno.test("loadIdx() loads only the parts and training images asked for", async () => {
  await withTemporaryFolder(async (folder) => {
    await write(folder);
    const fashion = { name: "fashion-mnist", path: folder, parts: ["train"] } as const;
    const { train, test, classNames } = await loadDataset({
      ...fashion,
      trainSubset: () => [0, 2],
    });
    assert.equal(classNames[9], "ankle boot");
    assert.deepEqual([...train.labels], [7, 9]);
    checkImage(train.pixels, 1, 2);
    assert.equal(test.labels.length, 0);
    await rejects(
      loadDataset({ ...fashion, trainSubset: () => [3] }),
      /expected ascending indices below 3/,
      DataError,
    );
  });
});

Deno.test("loadIdx() refuses files that are missing, damaged or don't fit each other", async () => {
  await withTemporaryFolder(async (folder) => {
    const load = () => loadIdx("mnist", MNIST_CLASS_NAMES, folderTree(folder), { parts: ["test"] });
    await rejects(
      load(),
      /cannot find t10k-images-idx3-ubyte .*looked for it and for t10k-images-idx3-ubyte.gz/,
    );
    await write(folder);
    await Deno.writeFile(`${folder}/t10k-labels-idx1-ubyte`, idx([2], [4, 4]));
    await rejects(load(), /found 2 labels, expected 1, one an image/);
    await Deno.writeFile(`${folder}/t10k-labels-idx1-ubyte`, idx([1], [10]));
    await rejects(load(), /found label 10 for image 0, expected 0 to 9/);
    await Deno.writeFile(`${folder}/t10k-images-idx3-ubyte`, images(1, 33, 5));
    await rejects(load(), /found images of 5 x 33 pixels, expected at most 32 x 32/);
    await Deno.remove(`${folder}/t10k-images-idx3-ubyte`);
    const packed = gzipSync(images(1, 28, 28));
    await Deno.writeFile(`${folder}/t10k-images-idx3-ubyte.gz`, packed.subarray(0, 60));
    await rejects(load(), /found damaged data .*expected a complete file/);
  });
});

Deno.test("parseIdx() refuses other types, other dimensions and wrong lengths", () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(7), /found 7 bytes, expected at least 8/],
    [new Uint8Array([1, 0, 8, 1, 0, 0, 0, 1, 5]), /starts with 1, 0, expected two zero bytes/],
    [idx([1], [1], 13), /found type 13 in 1 dimensions, expected type 8 \(bytes\) in 1/],
    [idx([1, 1], [1]), /found type 8 in 2 dimensions/],
    [idx([5], [1, 2]), /found 2 bytes for 5, expected 5/],
    [idx([1], [1, 2]), /found 2 bytes for 1, expected 1/],
    [idx([0], []), /found 0 bytes for 0/],
    [idx([0xffffffff], [1]), /expected 4294967295/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => parseIdx(bytes, 1, "x"), { name: "FormatError", message });
  }
  assert.deepEqual(parseIdx(idx([2], [3, 4]), 1, "x"), {
    shape: [2],
    bytes: new Uint8Array([3, 4]),
  });
});

Deno.test("loadIdx() refuses images so small or so many that they would fill the memory", async () => {
  const load = (imageFile: Uint8Array<ArrayBuffer>, count: number, packed = "") => {
    const labels = idx([count], new Uint8Array(count));
    const files = new Map([
      [`t10k-images-idx3-ubyte${packed}`, imageFile],
      ["t10k-labels-idx1-ubyte", labels],
    ]);
    return loadIdx("mnist", MNIST_CLASS_NAMES, memoryTree("m", files), { parts: ["test"] });
  };
  await rejects(
    load(images(400_000, 1, 1), 400_000),
    /found 400000 images of 1 x 1 pixels in 400016/,
  );
  const zeros = gzipSync(idx([200_000, 28, 28], new Uint8Array(1000)));
  await rejects(
    load(zeros, 1, ".gz"),
    /found 200000 x 28 x 28 bytes, expected at most .* so small/,
  );
  await rejects(load(idx([2, 2, 2], new Uint8Array(9)), 2), /more than 24 bytes, expected 24/);
  await rejects(load(idx([2, 2, 2], new Uint8Array(7)), 2), /found 7 bytes for 2 x 2 x 2/);
  const { test } = await load(images(1000, 1, 1), 1000);
  assert.equal(test.labels.length, 1000);
});
