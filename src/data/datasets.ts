/** The data sets by name. A new one is one file and one line of {@linkcode DATASETS}. */

import { UsageError } from "../errors.ts";
import { readTextFile } from "../formats/read_file.ts";
import { quoted } from "../text/quoted.ts";
import { openArchive, peek } from "./archive_tree.ts";
import { loadCifar10 } from "./cifar10.ts";
import { parseClassNames } from "./class_names.ts";
import { CIFAR10_FILE, downloadFile, type DownloadOptions, type OfficialFile } from "./download.ts";
import type { FileTree } from "./file_tree.ts";
import { fitImage, SizeTally } from "./fit_image.ts";
import { openPlace } from "./folder_tree.ts";
import { type GtsrbOptions, loadGtsrb } from "./gtsrb.ts";
import { FASHION_MNIST_CLASS_NAMES, loadIdx, MNIST_CLASS_NAMES } from "./idx.ts";
import { type ImageFolderOptions, loadImageFolder } from "./image_folder.ts";
import { CHANNELS, type Dataset, imageCount, type ImageSet } from "./image_set.ts";
import { parseLabels } from "./label_table.ts";
import { nearestName } from "./nearest_name.ts";
import { kindOf } from "./paths.ts";
import { loadSigns } from "./signs.ts";

/** What {@linkcode loadDataset} loads, and from where; what is said of own images holds for paths. */
export interface DatasetRequest
  extends GtsrbOptions, Omit<ImageFolderOptions, "labels" | "classNames"> {
  /**
   * A name out of {@linkcode DATASET_NAMES}, a folder or archive (zip, tar, tar.gz) with one
   * sub-folder of images a class, or a Parquet file or folder of such.
   */
  readonly name: string;
  /** Folder or archive of the data; `signs` needs none. Default: `./data`. */
  readonly path?: string;
  /** Table of the labels of own images, read by {@linkcode parseLabels}. Default: folders tell. */
  readonly labelsFile?: string;
  /** File of the class names of own images, read by {@linkcode parseClassNames}. Default: none. */
  readonly classNamesFile?: string;
}

/** No list of labels or names comes near. */
const MAXIMUM_TABLE_BYTES = 64 * 1024 * 1024;

interface Entry {
  /** Loads from what lies at a path. */
  readonly load: (place: FileTree, options: GtsrbOptions) => Dataset | Promise<Dataset>;
  /** What `--download` fetches into the folder of the data. */
  readonly files: readonly OfficialFile[];
}

const DATASETS: Readonly<Record<string, Entry>> = {
  signs: { load: (_place, options) => loadSigns(options), files: [] },
  cifar10: { load: loadCifar10, files: [CIFAR10_FILE] },
  gtsrb: { load: loadGtsrb, files: [] },
  mnist: {
    load: (place, options) => loadIdx("mnist", MNIST_CLASS_NAMES, place, options),
    files: [],
  },
  "fashion-mnist": {
    load: (place, options) => loadIdx("fashion-mnist", FASHION_MNIST_CLASS_NAMES, place, options),
    files: [],
  },
};

/** The names that {@linkcode loadDataset} knows. */
export const DATASET_NAMES: readonly string[] = Object.keys(DATASETS);

/**
 * Loads a data set by name; a name always goes before a folder of that name (write `./signs` for the
 * folder). Throws {@linkcode UsageError} for an unknown name, and for regions of interest, labels or
 * class names where there are none to choose, and what its loader throws for missing or damaged files.
 */
export async function loadDataset(request: DatasetRequest): Promise<Dataset> {
  const { name, path = "./data", labelsFile, classNamesFile, ...options } = request;
  if (options.regionOfInterest && name !== "gtsrb") {
    throw new UsageError(
      `cannot cut out regions of interest of ${quoted(name)}: only gtsrb has them`,
    );
  }
  const ownImages = isKnown(name) || name === "" ? undefined : await openImages(name);
  if (ownImages !== undefined) {
    const [labels, names] = [
      await readText("labels", labelsFile),
      await readText("class names", classNamesFile),
    ];
    return await loadImageFolder(ownImages, {
      ...options,
      ...labels === undefined ? {} : { labels: parseLabels(labels, labelsFile!) },
      ...names === undefined ? {} : { classNames: parseClassNames(names, classNamesFile!) },
    });
  }
  const { load } = findEntry(name);
  if (
    labelsFile !== undefined || classNamesFile !== undefined || options.classOrder === "numeric"
  ) {
    throw new UsageError(
      `cannot choose labels, class names or their order for ${name}: they are its own`,
    );
  }
  return resizeDataset(await load(await openPlace(path), options), request);
}

async function readText(what: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return await readTextFile(path, { what: `the ${what}`, limit: MAXIMUM_TABLE_BYTES });
}

/** A data set whose images have a size of their own at the size that was asked for. */
function resizeDataset(dataset: Dataset, { size, resize, onNotice }: DatasetRequest): Dataset {
  const { height, width } = dataset.test;
  if (size === undefined || (size.height === height && size.width === width)) return dataset;
  const sizes = new SizeTally(size, resize);
  sizes.add(dataset.test);
  onNotice?.(sizes.text()!);
  const fit = (set: ImageSet): ImageSet => {
    const [from, to] = [CHANNELS * height * width, CHANNELS * size.height * size.width];
    const pixels = new Uint8Array(imageCount(set) * to);
    for (let i = 0; i < imageCount(set); i++) {
      const image = set.pixels.subarray(i * from, (i + 1) * from);
      pixels.set(fitImage({ height, width, pixels: image }, size, resize), i * to);
    }
    return { ...set, ...size, pixels };
  };
  return { ...dataset, train: fit(dataset.train), test: fit(dataset.test) };
}

/** The images at a path; undefined where nothing is there. */
async function openImages(path: string): Promise<FileTree | undefined> {
  const kind = await kindOf(path);
  if (kind === "nothing") return undefined;
  const place = await openPlace(path);
  if (place.only === undefined) return place;
  const start = new TextDecoder().decode((await peek(place, place.only)).subarray(0, 4));
  return start === "PAR1" ? place : await openArchive(place, place.only);
}

/**
 * Downloads the official files of a data set into `folder`, but for those that lie there already
 * (these are not checked), and returns the paths of the new ones. Throws {@linkcode UsageError} for
 * an unknown name, and what {@linkcode downloadFile} throws.
 */
export async function downloadDataset(
  name: string,
  folder: string,
  options: DownloadOptions = {},
): Promise<string[]> {
  const fetched: string[] = [];
  for (const file of findEntry(name).files) {
    if (await kindOf(`${folder}/${file.name}`) === "file") continue;
    fetched.push(await downloadFile(file, folder, options));
  }
  return fetched;
}

function isKnown(name: string): boolean {
  return Object.hasOwn(DATASETS, name);
}

function findEntry(name: string): Entry {
  const entry = isKnown(name) ? DATASETS[name] : undefined;
  if (entry !== undefined) return entry;
  const near = nearestName(name, DATASET_NAMES);
  throw new UsageError(
    `cannot load the data set ${quoted(name)}: expected one of ${DATASET_NAMES.join(", ")}, ` +
      `or a folder or archive with one sub-folder of images a class` +
      (near === undefined ? "" : `; did you mean "${near}"?`),
  );
}
