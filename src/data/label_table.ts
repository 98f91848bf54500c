/** Images whose classes stand in a table beside them: one row a file. */

import { DataError, FormatError } from "../errors.ts";
import { quoted, shown } from "../text/quoted.ts";
import {
  type ClassFolders,
  divide,
  type LabelledFile,
  type SplitOptions,
} from "./class_folders.ts";
import { classesOf, isNumber } from "./class_names.ts";
import { csvRows } from "./csv.ts";
import { type FileTree, walkFiles } from "./file_tree.ts";
import { roleOf } from "./halves.ts";
import { PassedOver } from "./passed_over.ts";
import { pictureNames } from "./picture_names.ts";

/** Names of columns, in lower case and without what is no letter. */
const FILE_COLUMNS =
  /^(?:file|filename|filepath|path|image|imagename|imagepath|imagefile|imageid|img|id|name)$/;
const LABEL_COLUMNS = /^(?:label|labels|labelname|class|classname|classid|category|target|y)$/;

/** A row of a table of labels. */
export interface LabelRow {
  /** Path or name of an image, with its ending or without. */
  readonly file: string;
  /** Name or number of its class. */
  readonly label: string;
}

/**
 * Reads a table of labels. The columns are those that a first row names (`file`, `filename`, `image`,
 * `id`; `label`, `class`, `category`), else the first two. `source` names the file in messages.
 *
 * @throws {FormatError} for a table without two columns or without rows.
 */
export function parseLabels(text: string, source: string): readonly LabelRow[] {
  const refuse = (found: string, expected: string) =>
    new FormatError(
      `cannot read the labels in ${shown(source)}: found ${found}, expected ${expected}`,
    );
  const rows: LabelRow[] = [];
  let [fileColumn, labelColumn] = [0, 1];
  let isFirst = true;
  for (const cells of csvRows(text, source)) {
    if (isFirst) {
      isFirst = false;
      const names = cells.map((cell) => cell.toLowerCase().replace(/[^a-z]/g, ""));
      const file = names.findIndex((name) => FILE_COLUMNS.test(name));
      const label = names.findIndex((name) => LABEL_COLUMNS.test(name));
      if (file >= 0 && label >= 0) {
        [fileColumn, labelColumn] = [file, label];
        continue;
      }
    }
    const [file, label] = [cells[fileColumn], cells[labelColumn]];
    if (!file || !label) {
      throw refuse(`the row ${quoted(cells.join(","))}`, "a file and a label in each");
    }
    rows.push({ file, label });
  }
  if (rows.length === 0) throw refuse("no row", "one a file");
  return rows;
}

/**
 * The images of a tree by a table of labels, in the table's order. A row means the image of that
 * path, or the only one of that name, with its ending or without. Where all images lie in folders
 * such as `train` and `test` these divide them, else `testShare` of each class are test images.
 *
 * @throws {DataError} where no row fits an image, or rows give one image two classes.
 */
export async function listLabelled(
  tree: FileTree,
  rows: readonly LabelRow[],
  options: SplitOptions,
): Promise<ClassFolders> {
  const walk = await walkFiles(tree, "");
  const passedOver = new PassedOver();
  passedOver.merge(walk.passedOver);
  const names = await pictureNames(tree, walk.files, passedOver);
  const find = finder(names);
  const found = new Map<string, string>();
  const missing = new PassedOver();
  for (const [i, { file, label }] of rows.entries()) {
    const name = find(file);
    // The first row may be a header of other words.
    if (name === undefined && i > 0) missing.add("rows without an image", file);
    if (name === undefined) continue;
    const other = found.get(name);
    if (other !== undefined && other !== label) {
      throw new DataError(
        `cannot use the labels: found ${quoted(other)} and ${quoted(label)} for ${quoted(name)}, ` +
          `expected one class an image`,
      );
    }
    found.set(name, label);
  }
  if (found.size === 0) {
    throw new DataError(
      `cannot use the labels: none of ${rows.length} rows names an image in ` +
        `${quoted(tree.source)}, which holds ${names.length}; the first row names ` +
        `${quoted(rows[0]!.file)}`,
    );
  }
  for (const name of names) if (!found.has(name)) passedOver.add("images without a row", name);
  passedOver.merge(missing);
  const allNumbers = [...found.values()].every(isNumber);
  const { classNames, indexOf, notices } = classesOf(
    found.values(),
    allNumbers && options.classNames === undefined ? { classOrder: "numeric" } : options,
    "label",
  );
  if (classNames.length < 2) {
    throw new DataError(`cannot use the labels: found one class only, expected at least 2`);
  }
  const files = [...found].map(([name, label]) => ({ name, label: indexOf.get(label)! }));
  const halves = byRole(files) ?? divide(tree.source, files, options);
  const shift = allNumbers && options.classNames === undefined &&
      classNames.some((name, place) => Number(name) !== place)
    ? [
      `the labels ${classNames[0]} to ${classNames.at(-1)} are classes 0 to ${
        classNames.length - 1
      }`,
    ]
    : [];
  return { classNames, ...halves, notices: [...notices, ...shift], passedOver };
}

/** Finds the image that a table means. */
function finder(names: readonly string[]): (file: string) => string | undefined {
  const paths = new Set(names);
  const byKey = new Map<string, string | undefined>();
  for (const name of names) {
    const base = name.slice(name.lastIndexOf("/") + 1);
    for (const key of new Set([base, withoutEnding(base), withoutEnding(name)])) {
      // Undefined where it could mean two.
      byKey.set(key, byKey.has(key) && byKey.get(key) !== name ? undefined : name);
    }
  }
  return (file) => {
    const path = file.replaceAll("\\", "/").replace(/^(?:\.?\/)+/, "");
    if (paths.has(path)) return path;
    return byKey.get(path) ?? byKey.get(path.slice(path.lastIndexOf("/") + 1));
  };
}

function withoutEnding(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > name.lastIndexOf("/") + 1 ? name.slice(0, dot) : name;
}

/** Halves by the first folder of each file's path; undefined where not all lie in such folders. */
function byRole(files: readonly LabelledFile[]) {
  const roles = files.map(({ name }) =>
    name.includes("/") ? roleOf(name.split("/", 1)[0]!) : undefined
  );
  if (roles.includes(undefined) || !roles.includes("train")) return undefined;
  const measured = roles.includes("test") ? "test" : "val";
  const test = files.filter((_, i) => roles[i] === measured);
  return test.length === 0
    ? undefined
    : { train: files.filter((_, i) => roles[i] === "train"), test };
}
