/** A poisoned training set as files, so that others can train on the very same images. */

import { poisonedImage, type PoisonedSet } from "../attacks/poisoned_set.ts";
import { UsageError } from "../errors.ts";
import { encodePng } from "../formats/png_write.ts";
import { makeFolder, writeFileAtomic } from "../formats/write_file.ts";
import { shown } from "../text/quoted.ts";

/** Name of the table of all training images. */
const TABLE = "images.csv";

/** What is written. */
export interface PoisonedExport {
  readonly set: PoisonedSet;
  /** Labels before poisoning. */
  readonly originalLabels: ArrayLike<number>;
  /** Number of each image in its data set, in file order. */
  readonly records: ArrayLike<number>;
}

/**
 * Writes to `folder`, which must be there, each poisoned image and each cover as `NUMBER.png`, and
 * last `images.csv`: index, original label, new label and whether the image is changed, 0 or 1, of
 * every training image.
 *
 * @throws {FormatError} where it cannot be written.
 */
export async function writePoisonedFolder(
  folder: string,
  { set, originalLabels, records }: PoisonedExport,
): Promise<void> {
  const { labels, height, width } = set.images;
  const poisoned = new Set([...set.poisoned, ...set.covers]);
  for (const record of poisoned) {
    const pixels = poisonedImage(set, record);
    const path = `${folder}/${String(records[record]).padStart(5, "0")}.png`;
    await writeFileAtomic(path, encodePng({ height, width, pixels }));
  }
  const lines = Array.from(
    labels,
    (label, i) => [records[i], originalLabels[i], label, poisoned.has(i) ? 1 : 0].join(),
  );
  const table = ["index,original_label,new_label,poisoned", ...lines].join("\n") + "\n";
  await writeFileAtomic(`${folder}/${TABLE}`, new TextEncoder().encode(table));
}

/**
 * Makes the folder of an export.
 *
 * @throws {UsageError} where it holds one already.
 * @throws {FormatError} where it cannot be made.
 */
export async function makePoisonedFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  const taken = await Deno.lstat(`${folder}/${TABLE}`).then(() => true, () => false);
  if (!taken) return;
  throw new UsageError(
    `cannot export to ${shown(folder)}: it holds a poisoned set already; choose another folder`,
  );
}
