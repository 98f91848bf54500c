/**
 * CIFAR-10 in its official binary version (Krizhevsky, "Learning Multiple Layers of Features from
 * Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * A record is one label byte and 3,072 pixel bytes: 32x32 red, then green, then blue, row by row.
 */

import { FormatError } from "../errors.ts";
import { RECORD_BYTES, RecordCollector } from "./cifar10_records.ts";
import type { Dataset } from "./image_set.ts";
import { chosenIndices, indicesBelow, isWanted, type LoadOptions } from "./load_options.ts";
import { kindOf } from "./paths.ts";
import { visitTarGzip } from "./tar_gzip.ts";

/** Options of {@linkcode loadCifar10}. */
export interface Cifar10Options extends LoadOptions {
  /** Records in each file. Default: 10,000, as in the official files. */
  readonly recordsPerFile?: number;
}

const ARCHIVE = "cifar-10-binary.tar.gz";
const FOLDER = "cifar-10-batches-bin";
const CLASSES_FILE = "batches.meta.txt";
const TRAIN_FILES = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
const TEST_FILE = "test_batch.bin";
/** The official archive expands to 184,380,061 bytes and some tar headers. */
const MAXIMUM_ARCHIVE_BYTES = 256 * 1024 * 1024;
const MAXIMUM_CLASSES_FILE_BYTES = 4096;

/** The names in `batches.meta.txt` of the official archive. */
export const CIFAR10_CLASS_NAMES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/**
 * Loads CIFAR-10 from `path`: the official archive, the folder extracted from it, or a folder that
 * holds either. An archive is streamed: memory beyond the images kept is a few MB.
 *
 * Training images come in the order of data_batch_1 to data_batch_5. Throws {@linkcode FormatError}
 * when nothing is found there, a file has the wrong size, a label is above 9, or the archive is
 * damaged or hostile.
 */
export async function loadCifar10(path: string, options: Cifar10Options = {}): Promise<Dataset> {
  const recordsPerFile = options.recordsPerFile ?? 10_000;
  const trainCount = TRAIN_FILES.length * recordsPerFile;
  const train = new RecordCollector(
    isWanted("train", options) ? chosenIndices(options, trainCount) : [],
  );
  const wantsTest = isWanted("test", options);
  const test = new RecordCollector(wantsTest ? indicesBelow(recordsPerFile) : []);

  const wanted = new Map<string, { sink: RecordCollector; first: number }>();
  TRAIN_FILES.forEach((name, k) => {
    const first = k * recordsPerFile;
    if (train.keepsAny(first, first + recordsPerFile)) wanted.set(name, { sink: train, first });
  });
  if (wantsTest) wanted.set(TEST_FILE, { sink: test, first: 0 });

  let classNames = CIFAR10_CLASS_NAMES;
  const source = await findSource(path);
  const readFile = async (name: string, size: number, body: ReadableStream<Uint8Array>) => {
    const target = wanted.get(name);
    if (target === undefined) {
      await body.cancel();
      return;
    }
    const where = `${name} of CIFAR-10 at ${source.path}`;
    if (size !== recordsPerFile * RECORD_BYTES) {
      await body.cancel();
      throw new FormatError(
        `cannot read ${where}: found ${size} bytes, expected ${recordsPerFile * RECORD_BYTES} ` +
          `(${recordsPerFile} records of ${RECORD_BYTES})`,
      );
    }
    await target.sink.read(body, target.first, where);
    wanted.delete(name);
  };

  if (source.kind === "archive") {
    await visitTarGzip(source.path, MAXIMUM_ARCHIVE_BYTES, async ({ name, size, body }) => {
      const file = name.slice(name.lastIndexOf("/") + 1);
      if (file === CLASSES_FILE && size <= MAXIMUM_CLASSES_FILE_BYTES) {
        classNames = parseClassNames(await new Response(body).text());
      } else {
        await readFile(file, size, body);
      }
    });
  } else {
    for (const name of [...wanted.keys()]) {
      const file = `${source.path}/${name}`;
      if (await kindOf(file) !== "file") continue;
      await readFile(name, (await Deno.stat(file)).size, (await Deno.open(file)).readable);
    }
    const classes = `${source.path}/${CLASSES_FILE}`;
    if (await kindOf(classes) === "file") {
      classNames = parseClassNames(await Deno.readTextFile(classes));
    }
  }
  if (wanted.size > 0) {
    throw new FormatError(
      `cannot read CIFAR-10 at ${source.path}: ${[...wanted.keys()].join(", ")} not found, ` +
        `expected the files of ${ARCHIVE}`,
    );
  }
  return { name: "cifar10", classNames, train: train.images(), test: test.images() };
}

async function findSource(path: string): Promise<{ kind: "archive" | "folder"; path: string }> {
  if (await kindOf(path) === "file") return { kind: "archive", path };
  for (const folder of [path, `${path}/${FOLDER}`]) {
    for (const file of [TEST_FILE, ...TRAIN_FILES]) {
      if (await kindOf(`${folder}/${file}`) === "file") return { kind: "folder", path: folder };
    }
  }
  if (await kindOf(`${path}/${ARCHIVE}`) === "file") {
    return { kind: "archive", path: `${path}/${ARCHIVE}` };
  }
  throw new FormatError(
    `cannot find CIFAR-10 at ${path}: looked for ${ARCHIVE}, ${FOLDER}/ and ${TEST_FILE} there; ` +
      "give its place with --data, or fetch it with --download of erase, evaluate or attack",
  );
}

/** One name a line; anything but ten names gives the standard ones. */
function parseClassNames(text: string): readonly string[] {
  const names = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return names.length === CIFAR10_CLASS_NAMES.length ? names : CIFAR10_CLASS_NAMES;
}
