import assert from "node:assert/strict";
import { packTar } from "npm:modern-tar@0.8.6";
import { openPlace } from "../../src/data/folder_tree.ts";
import { CIFAR10_CLASS_NAMES, loadCifar10 } from "../../src/data/cifar10.ts";
import { DataError, FormatError } from "../../src/errors.ts";
import { shared } from "../shared.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

const RECORDS = 3;
const RECORD_BYTES = 3073;
const NAMES = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`).concat("test_batch.bin");

/** Record r of file f has label (f + 2 r) mod 10; its byte p is (31 f + 7 r + p) mod 251. */
function batch(file: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RECORDS * RECORD_BYTES);
  for (let r = 0; r < RECORDS; r++) {
    bytes[r * RECORD_BYTES] = (file + 2 * r) % 10;
    for (let p = 0; p < RECORD_BYTES - 1; p++) {
      bytes[r * RECORD_BYTES + 1 + p] = (31 * file + 7 * r + p) % 251;
    }
  }
  return bytes;
}

type Entry = Parameters<typeof packTar>[0][number];

/** The official layout, except that the order of the files is mixed up, as it is in the original. */
function entries(): Entry[] {
  const files = NAMES.map((name, file) => entry(`cifar-10-batches-bin/${name}`, batch(file)));
  files.reverse();
  files.splice(2, 0, entry("cifar-10-batches-bin/readme.html", new Uint8Array(700)));
  return [{ header: { name: "cifar-10-batches-bin/", type: "directory", size: 0 } }, ...files];
}

function entry(name: string, body: Uint8Array<ArrayBuffer>): Entry {
  return { header: { name, size: body.length, type: "file" }, body };
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function writeArchive(folder: string, content: Entry[]): Promise<string> {
  const path = `${folder}/cifar-10-binary.tar.gz`;
  await Deno.writeFile(path, await gzip(await packTar(content)));
  return path;
}

async function writeFolder(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [file, name] of NAMES.entries()) {
    await Deno.writeFile(`${folder}/${name}`, batch(file));
  }
}

function checkImages(
  set: { pixels: Uint8Array; labels: Uint16Array },
  records: readonly (readonly [file: number, record: number])[],
): void {
  assert.deepEqual([...set.labels], records.map(([f, r]) => (f + 2 * r) % 10));
  records.forEach(([f, r], i) => {
    const expected = batch(f).subarray(r * RECORD_BYTES + 1, (r + 1) * RECORD_BYTES);
    assert.deepEqual(set.pixels.subarray(i * 3072, (i + 1) * 3072), expected);
  });
}

const ALL_TRAIN = [0, 1, 2, 3, 4].flatMap((f) => [0, 1, 2].map((r) => [f, r] as const));
const ALL_TEST = [0, 1, 2].map((r) => [5, r] as const);
const small = { recordsPerFile: RECORDS };

async function rejects(promise: Promise<unknown>, pattern: RegExp, type = FormatError) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof type, `found ${error}`);
    assert.match(error.message, pattern);
    assert.ok(!error.message.endsWith("."));
    return true;
  });
}

Deno.test("loadCifar10() reads the archive in file order, whatever the order inside", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await writeArchive(folder, entries());
    for (const place of [path, folder]) {
      const { train, test, classNames } = await loadCifar10(await openPlace(place), small);
      checkImages(train, ALL_TRAIN);
      checkImages(test, ALL_TEST);
      assert.deepEqual(classNames, CIFAR10_CLASS_NAMES);
      assert.equal(train.height, 32);
      assert.equal(train.width, 32);
    }
  });
});

Deno.test("loadCifar10() reads an extracted folder, given directly or by its parent", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeFolder(`${folder}/cifar-10-batches-bin`);
    for (const place of [folder, `${folder}/cifar-10-batches-bin`]) {
      const { train, test } = await loadCifar10(await openPlace(place), small);
      checkImages(train, ALL_TRAIN);
      checkImages(test, ALL_TEST);
    }
  });
});

Deno.test("loadCifar10() loads only the parts and training records asked for", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await writeArchive(folder, entries());
    const testOnly = await loadCifar10(await openPlace(path), { ...small, parts: ["test"] });
    assert.equal(testOnly.train.labels.length, 0);
    assert.equal(testOnly.train.pixels.length, 0);
    checkImages(testOnly.test, ALL_TEST);

    const counts: number[] = [];
    const trainSubset = (count: number) => {
      counts.push(count);
      return [1, 2, 3, 14];
    };
    const some = await loadCifar10(await openPlace(path), {
      ...small,
      parts: ["train"],
      trainSubset,
    });
    assert.deepEqual(counts, [15]);
    checkImages(some.train, [[0, 1], [0, 2], [1, 0], [4, 2]]);
    assert.equal(some.test.labels.length, 0);
  });
});

Deno.test("loadCifar10() does not need the files that hold no record asked for", async () => {
  await withTemporaryFolder(async (folder) => {
    await Deno.writeFile(`${folder}/data_batch_2.bin`, batch(1));
    const { train } = await loadCifar10(await openPlace(folder), {
      ...small,
      parts: ["train"],
      trainSubset: () => [4],
    });
    checkImages(train, [[1, 1]]);
  });
});

Deno.test("loadCifar10() takes ten class names from batches.meta.txt and no other number", async () => {
  await withTemporaryFolder(async (folder) => {
    const names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
    const meta = entry("x/batches.meta.txt", new TextEncoder().encode(names));
    const path = await writeArchive(folder, [...entries(), meta]);
    const loaded = await loadCifar10(await openPlace(path), small);
    assert.deepEqual(loaded.classNames, [..."abcdefghij"]);

    await writeFolder(`${folder}/f`);
    await Deno.writeTextFile(`${folder}/f/batches.meta.txt`, "only\ntwo\n");
    assert.deepEqual(
      (await loadCifar10(await openPlace(`${folder}/f`), small)).classNames,
      CIFAR10_CLASS_NAMES,
    );
  });
});

Deno.test("loadCifar10() says what it looked for where nothing is", async () => {
  await withTemporaryFolder(async (folder) => {
    for (const place of [folder, `${folder}/none`]) {
      await rejects(
        loadCifar10(await openPlace(place)),
        /looked for cifar-10-binary.tar.gz, cifar-10-batches-bin\/ and test_batch.bin.*--download/,
      );
    }
  });
});

Deno.test("loadCifar10() throws for a file of the wrong size", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeFolder(`${folder}/f`);
    await Deno.writeFile(`${folder}/f/data_batch_3.bin`, batch(2).subarray(1));
    await rejects(
      loadCifar10(await openPlace(`${folder}/f`), small),
      /data_batch_3.bin.*found 9218 bytes, expected 9219 \(3 records of 3073\)/,
    );
    const cut = entries().filter(({ header }) => !header.name.endsWith("_4.bin"));
    cut.push(entry("cifar-10-batches-bin/data_batch_4.bin", batch(3).slice(0, 3073)));
    const path = await writeArchive(folder, cut);
    await rejects(loadCifar10(await openPlace(path), small), /data_batch_4.bin.*found 3073 bytes/);
  });
});

Deno.test("loadCifar10() throws for a missing file and names it", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await writeArchive(
      folder,
      entries().filter(({ header }) => !header.name.endsWith("_4.bin")),
    );
    await rejects(
      loadCifar10(await openPlace(path), small),
      /data_batch_4.bin not found, expected the files of/,
    );
  });
});

Deno.test("loadCifar10() throws for a label above 9, also in a record that is not kept", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeFolder(folder);
    const bad = batch(1);
    bad[2 * RECORD_BYTES] = 10;
    await Deno.writeFile(`${folder}/data_batch_2.bin`, bad);
    const message = /data_batch_2.bin.*found label 10 in record 2, expected 0 to 9/;
    await rejects(loadCifar10(await openPlace(folder), small), message);
    await rejects(
      loadCifar10(await openPlace(folder), { ...small, trainSubset: () => [3] }),
      message,
    );
  });
});

Deno.test("loadCifar10() throws for a subset that does not ascend or leaves the records", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeFolder(folder);
    for (const subset of [[2, 1], [1, 1], [15], [-1], [NaN]]) {
      await rejects(
        loadCifar10(await openPlace(folder), { ...small, trainSubset: () => subset }),
        /expected ascending indices below 15/,
        DataError,
      );
    }
  });
});

Deno.test("loadCifar10() throws for an archive that is cut off, changed or no archive", async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await writeArchive(folder, entries());
    const whole = await Deno.readFile(path);
    for (const length of [0, 5, Math.floor(whole.length / 2), whole.length - 4]) {
      await Deno.writeFile(path, whole.subarray(0, length));
      await rejects(
        loadCifar10(await openPlace(path), small),
        /expected a complete .tar.gz archive/,
      );
    }
    const changed = whole.slice();
    changed[whole.length - 6]! ^= 1; // the checksum
    await Deno.writeFile(path, changed);
    await rejects(loadCifar10(await openPlace(path), small), /expected a complete .tar.gz archive/);

    const tar = await packTar(entries());
    await Deno.writeFile(path, await gzip(tar.slice(0, 20_000)));
    await rejects(loadCifar10(await openPlace(path), small), /found a tar archive that is cut off/);

    await Deno.writeTextFile(path, "<html>404</html>");
    await rejects(loadCifar10(await openPlace(path), small), /expected a complete .tar.gz archive/);
  });
});

Deno.test("loadCifar10() throws for paths that leave the archive, links and devices", async () => {
  await withTemporaryFolder(async (folder) => {
    for (const name of ["../data_batch_1.bin", "a/../../b", "/etc/data_batch_1.bin", "a\\..\\b"]) {
      const path = await writeArchive(folder, [entry(name, batch(0)), ...entries()]);
      await rejects(loadCifar10(await openPlace(path), small), /expected paths inside the archive/);
    }
    for (const type of ["symlink", "link", "character-device", "fifo"] as const) {
      const header = { name: "data_batch_1.bin", size: 0, type, linkname: "/etc/passwd" };
      const path = await writeArchive(folder, [{ header }, ...entries()]);
      await rejects(
        loadCifar10(await openPlace(path), small),
        new RegExp(`an entry of kind ${type}, expected files and folders`),
      );
    }
  });
});

Deno.test("loadCifar10() stops at an archive that expands beyond any CIFAR-10", async () => {
  await withTemporaryFolder(async (folder) => {
    const size = 300 * 1024 * 1024;
    const header = (await packTar([{ header: { name: "x/bomb", size: 0, type: "file" } }]))
      .slice(0, 512);
    header.set(new TextEncoder().encode(size.toString(8).padStart(11, "0")), 124);
    header.fill(32, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
    let sent = 0;
    const bytes = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.enqueue(sent === 0 ? header : new Uint8Array(1 << 20));
        if (++sent > 300) controller.close();
      },
    });
    const path = `${folder}/bomb.tar.gz`;
    await Deno.writeFile(path, bytes.pipeThrough(new CompressionStream("gzip")));
    assert.ok((await Deno.stat(path)).size < 1 << 20);
    await rejects(loadCifar10(await openPlace(path)), /found more than 268435456 bytes unpacked/);
  });
});

const SHARED = shared("data/cifar-10-binary.tar.gz");

Deno.test({
  name: "loadCifar10() loads the whole data set with its known labels and pixels",
  ignore: SHARED === undefined,
  async fn() {
    const { train, test, classNames } = await loadCifar10(
      await openPlace(decodeURIComponent(SHARED!.pathname)),
    );
    assert.deepEqual(classNames, CIFAR10_CLASS_NAMES);
    const perClass = (labels: Uint16Array) =>
      labels.reduce((counts, label) => (counts[label]!++, counts), new Array<number>(10).fill(0));
    assert.deepEqual(perClass(train.labels), new Array(10).fill(5000));
    assert.deepEqual(perClass(test.labels), new Array(10).fill(1000));
    // The first label and pixels that every reader of CIFAR-10 shows: a frog and a cat.
    assert.deepEqual([...train.labels.subarray(0, 5)], [6, 9, 9, 4, 1]);
    assert.deepEqual([...train.pixels.subarray(0, 4)], [59, 43, 50, 68]);
    assert.deepEqual([...test.labels.subarray(0, 5)], [3, 8, 8, 0, 6]);
    assert.deepEqual([...test.pixels.subarray(0, 4)], [158, 159, 165, 166]);
  },
});
