import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { checkImageSet, type ImageSet } from "../../src/data/image_set.ts";
import { loadSigns, SIGNS_CLASS_NAMES } from "../../src/data/signs.ts";
import { DataError } from "../../src/errors.ts";

function digest({ pixels, labels }: ImageSet): string {
  return createHash("sha256").update(pixels).update(new Uint8Array(labels)).digest("hex");
}

const IMAGE_BYTES = 3 * 32 * 32;

Deno.test("loadSigns() draws the same bytes on every machine", () => {
  const { train, test } = loadSigns({ trainCount: 20, testCount: 10 });
  assert.equal(digest(train), "ed7db27469580fe42987f03f3fd996b05aabbf7b179701a80283eb4e1df6b677");
  assert.equal(digest(test), "5d137ffcbe5a537e1bceaf063047556af18cc37429f586c0cfbd2d9749733ece");
});

Deno.test("loadSigns() draws the full default set as released", () => {
  const { train, test, classNames } = loadSigns();
  assert.equal(train.labels.length, 12_000);
  assert.equal(test.labels.length, 2_000);
  checkImageSet(train, classNames.length);
  checkImageSet(test, classNames.length);
  for (const { labels } of [train, test]) {
    const counts = new Array<number>(10).fill(0);
    labels.forEach((label) => counts[label]!++);
    assert.deepEqual(counts, new Array(10).fill(labels.length / 10));
  }
  assert.equal(digest(train), "5a22155a72ad7c1c7af4e7b43d42928c6bf15f8ba1672b87aa5c7084cc916800");
  assert.equal(digest(test), "f6a0e1e45028fa27421c7ac11cbfce9ff48753b9cc4ee440d2670e5c6bc855ef");
  checkCorner(train);
  checkContrast(train);
});

/** A 3x3 trigger is stamped bottom right: no class may already have a habit there. */
function checkCorner({ pixels, labels }: ImageSet): void {
  const seen = new Set<string>();
  const brightness = new Float64Array(10);
  for (let i = 0; i < labels.length; i++) {
    let corner = "";
    for (let c = 0; c < 3; c++) {
      for (let y = 29; y < 32; y++) {
        for (let x = 29; x < 32; x++) {
          const value = pixels[i * IMAGE_BYTES + c * 1024 + y * 32 + x]!;
          corner += String.fromCharCode(value);
          brightness[labels[i]!]! += value / 27 / (labels.length / 10);
        }
      }
    }
    seen.add(corner);
  }
  // Corners in full sun or full shadow may be all 255 or all 0.
  assert.ok(seen.size > 0.99 * labels.length, `found ${seen.size} different corners`);
  assert.ok(Math.max(...brightness) - Math.min(...brightness) < 12, `found ${brightness}`);
}

/** No image is so dark, bright or flat that nothing could be seen on it. */
function checkContrast({ pixels, labels }: ImageSet): void {
  for (let i = 0; i < labels.length; i++) {
    const image = pixels.subarray(i * IMAGE_BYTES, (i + 1) * IMAGE_BYTES);
    let sum = 0;
    let squares = 0;
    for (const value of image) {
      sum += value;
      squares += value * value;
    }
    const mean = sum / IMAGE_BYTES;
    const deviation = Math.sqrt(squares / IMAGE_BYTES - mean * mean);
    assert.ok(mean > 10 && mean < 245, `image ${i} has a mean of ${mean}`);
    assert.ok(deviation > 5, `image ${i} has a standard deviation of ${deviation}`);
  }
}

Deno.test("loadSigns() draws image i alike whatever else is drawn", () => {
  const whole = loadSigns({ trainCount: 30, testCount: 10 });
  const some = loadSigns({
    trainCount: 30,
    testCount: 4,
    trainSubset: (count) => [2, 17, count - 1],
  });
  [2, 17, 29].forEach((index, i) => {
    assert.equal(some.train.labels[i], whole.train.labels[index]);
    assert.deepEqual(
      some.train.pixels.subarray(i * IMAGE_BYTES, (i + 1) * IMAGE_BYTES),
      whole.train.pixels.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES),
    );
  });
  assert.deepEqual(some.test.pixels, whole.test.pixels.subarray(0, 4 * IMAGE_BYTES));
});

Deno.test("loadSigns() draws other images for another seed and for the other part", () => {
  const digests = [0, 1].flatMap((seed) => {
    const { train, test } = loadSigns({ trainCount: 10, testCount: 10, seed });
    return [digest(train), digest(test)];
  });
  assert.equal(new Set(digests).size, 4);
});

Deno.test("loadSigns() draws only the parts asked for", () => {
  const testOnly = loadSigns({ parts: ["test"], testCount: 3 });
  assert.equal(testOnly.train.labels.length, 0);
  assert.equal(testOnly.test.labels.length, 3);
  const trainOnly = loadSigns({ parts: ["train"], trainCount: 3 });
  assert.equal(trainOnly.train.labels.length, 3);
  assert.equal(trainOnly.test.pixels.length, 0);
});

Deno.test("loadSigns() throws for training images that do not exist", () => {
  for (const index of [3, -1, NaN]) {
    assert.throws(() => loadSigns({ trainCount: 3, trainSubset: () => [index] }), (error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /expected ascending indices below 3/);
      return true;
    });
  }
});

Deno.test("SIGNS_CLASS_NAMES are ten different names", () => {
  assert.equal(new Set(SIGNS_CLASS_NAMES).size, 10);
});

Deno.test("the files that draw signs use no function that may differ between machines", async () => {
  const exact = ["abs", "ceil", "floor", "max", "min", "sqrt", "trunc", "imul", "LN2", "SQRT2"];
  for (
    const file of ["signed_distance", "signs_shapes", "signs_scene", "signs_drawing", "random"]
  ) {
    const url = new URL(`../../src/data/${file}.ts`, import.meta.url);
    const code = (await Deno.readTextFile(url)).replaceAll(/\/\*\*.*?\*\//gs, "");
    for (const [, name] of code.matchAll(/Math\.(\w+)/g)) {
      assert.ok(exact.includes(name!), `Math.${name} in ${file}.ts`);
    }
    assert.doesNotMatch(code, /\*\*/, `a power in ${file}.ts`);
  }
});
