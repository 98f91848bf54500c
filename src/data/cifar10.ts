/**
 * CIFAR-10 in its official binary version (Krizhevsky, "Learning Multiple Layers of Features from
 * Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * A record is one label byte and 3,072 pixel bytes: 32x32 red, then green, then blue, row by row.
 */

import { FormatError } from "../errors.ts";
import { refusal } from "../formats/refusal.ts";
import { shown } from "../text/quoted.ts";
import { archiveKind, boundedChunks, insidePath, openStream, peek } from "./archive_tree.ts";
import { RECORD_BYTES, RecordCollector } from "./cifar10_records.ts";
import { evenSubset } from "./clean_subset.ts";
import { type FileTree, join } from "./file_tree.ts";
import { type Dataset, selectImages } from "./image_set.ts";
import { chosenIndices, indicesBelow, isWanted, type LoadOptions } from "./load_options.ts";
import { type TarSink, visitTar } from "./tar.ts";

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
 * Loads CIFAR-10 from a tree that holds the official archive, the folder extracted from it, or the
 * files of that folder. An archive is streamed: memory beyond the images kept is a few MB.
 *
 * Training images come in the order of data_batch_1 to data_batch_5. Throws {@linkcode FormatError}
 * when nothing is found there, a file has the wrong size, a label is above 9, or the archive is
 * damaged or hostile.
 */
export async function loadCifar10(tree: FileTree, options: Cifar10Options = {}): Promise<Dataset> {
  const recordsPerFile = options.recordsPerFile ?? 10_000;
  const { trainLimit, ...others } = options;
  if (trainLimit !== undefined && isWanted("train", options)) {
    // Labels are only known when they are read.
    const { trainSubset: _, ...all } = others;
    const whole = await loadCifar10(tree, all);
    const trainRecords = evenSubset(whole.train.labels, trainLimit);
    return { ...whole, train: selectImages(whole.train, trainRecords), trainRecords };
  }
  const trainRecords = isWanted("train", options)
    ? chosenIndices(others, TRAIN_FILES.length * recordsPerFile, () => [])
    : [];
  const train = new RecordCollector(trainRecords);
  const wantsTest = isWanted("test", options);
  const test = new RecordCollector(wantsTest ? indicesBelow(recordsPerFile) : []);

  const wanted = new Map<string, { collector: RecordCollector; first: number }>();
  TRAIN_FILES.forEach((name, k) => {
    const first = k * recordsPerFile;
    if (train.keepsAny(first, first + recordsPerFile)) {
      wanted.set(name, { collector: train, first });
    }
  });
  if (wantsTest) wanted.set(TEST_FILE, { collector: test, first: 0 });

  let classesText = "";
  const decoder = new TextDecoder();
  const source = await findSource(tree);
  const place = shown(join(tree.source, source.name));
  /** Where the content of a file goes; undefined for one that is not needed. */
  const sinkOf = (name: string, size: number): TarSink | undefined => {
    if (name === CLASSES_FILE && size <= MAXIMUM_CLASSES_FILE_BYTES) {
      return (piece) => {
        classesText += decoder.decode(piece, { stream: true });
      };
    }
    const target = wanted.get(name);
    if (target === undefined) return undefined;
    const where = `${name} of CIFAR-10 at ${place}`;
    if (size !== recordsPerFile * RECORD_BYTES) {
      throw new FormatError(
        `cannot read ${where}: found ${size} bytes, expected ${recordsPerFile * RECORD_BYTES} ` +
          `(${recordsPerFile} records of ${RECORD_BYTES})`,
      );
    }
    wanted.delete(name);
    return target.collector.sink(target.first, where);
  };
  await (source.kind === "archive"
    ? readArchive(tree, source.name, sinkOf)
    : readFolder(tree, source.name, [...wanted.keys(), CLASSES_FILE], sinkOf));
  if (wanted.size > 0) {
    throw new FormatError(
      `cannot read CIFAR-10 at ${place}: ${[...wanted.keys()].join(", ")} not found, ` +
        `expected the files of ${ARCHIVE}`,
    );
  }
  return {
    name: "cifar10",
    classNames: parseClassNames(classesText),
    train: train.images(),
    test: test.images(),
    trainRecords,
  };
}

type SinkOf = (name: string, size: number) => TarSink | undefined;

async function readArchive(tree: FileTree, name: string, sinkOf: SinkOf): Promise<void> {
  const expected = "a complete .tar.gz archive";
  const refuse = refusal("archive", join(tree.source, name));
  const kind = archiveKind(await peek(tree, name));
  if (kind !== "tar" && kind !== "tar.gz") throw refuse("another kind of file", expected);
  const stream = await openStream(tree, name, kind);
  const chunks = boundedChunks(stream, MAXIMUM_ARCHIVE_BYTES, expected, refuse);
  await visitTar(chunks, refuse, ({ name: path, kind, size }) => {
    if (kind === "folder") return undefined;
    if (kind !== "file" || path === undefined) {
      throw refuse(`an entry of kind ${kind}`, "files and folders");
    }
    const name = insidePath(path, refuse);
    return sinkOf(name.slice(name.lastIndexOf("/") + 1), size);
  });
}

async function readFolder(
  tree: FileTree,
  folder: string,
  names: readonly string[],
  sinkOf: SinkOf,
): Promise<void> {
  for (const name of names) {
    const file = join(folder, name);
    const size = await tree.sizeOf(file);
    const sink = size === undefined ? undefined : sinkOf(name, size);
    if (size === undefined || sink === undefined) continue;
    const refuse = refusal("file", join(tree.source, file));
    const stream = await tree.stream(file);
    let left = size;
    for await (const chunk of boundedChunks(stream, size, "a readable file", refuse)) {
      sink(chunk);
      left -= chunk.length;
    }
    if (left > 0) throw refuse(`${left} bytes fewer than the file had`, "a file that rests");
  }
}

/** The folder or the archive in a tree; a file alone is an archive whatever its name. */
async function findSource(tree: FileTree): Promise<{ kind: "archive" | "folder"; name: string }> {
  for (const folder of ["", FOLDER]) {
    for (const file of [TEST_FILE, ...TRAIN_FILES]) {
      if (await tree.sizeOf(join(folder, file)) !== undefined) {
        return { kind: "folder", name: folder };
      }
    }
  }
  const name = tree.only ?? ARCHIVE;
  if (await tree.sizeOf(name) !== undefined) return { kind: "archive", name };
  throw new FormatError(
    `cannot find CIFAR-10 at ${shown(tree.source)}: looked for ${ARCHIVE}, ${FOLDER}/ and ` +
      `${TEST_FILE} there; give its place with --data, or fetch it with --download of erase, ` +
      "evaluate or attack",
  );
}

/** One name a line; anything but ten names gives the standard ones. */
function parseClassNames(text: string): readonly string[] {
  const names = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return names.length === CIFAR10_CLASS_NAMES.length ? names : CIFAR10_CLASS_NAMES;
}
