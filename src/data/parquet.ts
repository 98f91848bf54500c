/**
 * Pictures in Parquet files as Hugging Face ships them: a column of structs with the bytes of an
 * image file, a column of labels, and their names in the metadata.
 */

import { type FileMetaData, parquetMetadata, parquetSchema } from "npm:hyparquet@1.31.5";
import { DataError, FormatError } from "../errors.ts";
import { refusal, type Refuse } from "../formats/refusal.ts";
import { byCodePoint } from "../text/code_points.ts";
import { quoted } from "../text/quoted.ts";
import {
  type ClassFolders,
  divide,
  type LabelledFile,
  type SplitOptions,
} from "./class_folders.ts";
import { classesOf, isNumber } from "./class_names.ts";
import { type FileTree, join } from "./file_tree.ts";
import { type Role, roleOf } from "./halves.ts";
import { type ParquetValue, readParquetColumn } from "./parquet_column.ts";
import { PassedOver } from "./passed_over.ts";
import { readThrift } from "./thrift.ts";

const MAXIMUM_FILE_BYTES = 2 ** 31;
/** Bytes beyond three times its own that a file may unpack to. */
const FREE_BYTES = 96 * 1024 * 1024;
/** Bytes of pixels at 32x32 beyond its own that a file may become. */
const FREE_PIXEL_BYTES = 160 * 1024 * 1024;
const PIXEL_BYTES = 3 * 32 * 32;

/** Names of the Parquet files of a tree, in its root or the folder `data`; none where it has none. */
export async function parquetFiles(tree: FileTree): Promise<readonly string[]> {
  if (tree.only !== undefined) return [tree.only];
  const { files, folders } = await tree.list("");
  const names = [...files];
  if (folders.includes("data")) {
    names.push(...(await tree.list("data")).files.map((name) => join("data", name)));
  }
  return names.filter((name) => /\.parquet$/i.test(name)).sort(byCodePoint);
}

/** Images that were found, and the tree in which their names lie. */
export interface ParquetImages {
  readonly tree: FileTree;
  readonly found: ClassFolders;
}

/**
 * Reads Parquet files of pictures. Names such as `train-00000-of-00001.parquet` divide them, else
 * `testShare` of each class are test images.
 *
 * @throws {FormatError} for files that are damaged, or without a column of images and one of labels.
 */
export async function readParquet(
  tree: FileTree,
  names: readonly string[],
  options: SplitOptions,
): Promise<ParquetImages> {
  const passedOver = new PassedOver();
  const pictures = new Map<string, Uint8Array<ArrayBuffer>>();
  const rows: { name: string; label: string; role: Role | undefined }[] = [];
  let classNames = options.classNames;
  for (const file of names) {
    const bytes = await tree.read(file, { what: "the Parquet file", limit: MAXIMUM_FILE_BYTES });
    const table = readParquetTable(bytes, refusal("Parquet file", join(tree.source, file)));
    classNames ??= table.labelNames;
    const role = roleOf(file.slice(file.lastIndexOf("/") + 1).split(/[^A-Za-z]/, 1)[0]!);
    for (const [i, image] of table.images.entries()) {
      const name = `${file}#${i}`;
      const label = table.labels[i];
      if (!(image instanceof Uint8Array)) passedOver.add("rows without an image", name);
      else if (label === undefined || label === null || label === -1) {
        passedOver.add("rows without a label", name);
      } else {
        pictures.set(name, image as Uint8Array<ArrayBuffer>);
        const text = typeof label === "number" ? String(label) : new TextDecoder().decode(label);
        rows.push({ name, label: text, role });
      }
    }
  }
  const labels = rows.map(({ label }) => label);
  const order = labels.every(isNumber) ? "numeric" : "name";
  const classes = classesOf(
    labels,
    classNames === undefined ? { classOrder: order, ...options } : { classNames },
    "label",
  );
  if (classes.classNames.length < 2) {
    throw new DataError(
      `cannot use the images of ${quoted(tree.source)}: found ${classes.classNames.length} ` +
        `classes, expected at least 2`,
    );
  }
  const files = rows.map(({ name, label }) => ({ name, label: classes.indexOf.get(label)! }));
  const of = (role: Role): LabelledFile[] => files.filter((_, i) => rows[i]!.role === role);
  const measured: Role = of("test").length > 0 ? "test" : "val";
  const isDivided = of("train").length > 0 && of(measured).length > 0;
  return {
    tree: pictureTree(tree, pictures),
    found: {
      ...isDivided
        ? { train: of("train"), test: of(measured) }
        : divide(tree.source, files, options),
      classNames: classes.classNames,
      notices: classes.notices,
      passedOver,
    },
  };
}

/** The rows' images by name. */
function pictureTree(
  { source }: FileTree,
  pictures: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): FileTree {
  const find = (name: string) => {
    const bytes = pictures.get(name);
    return bytes === undefined
      ? Promise.reject(new FormatError(`cannot read ${quoted(name)}: found no such row`))
      : Promise.resolve(bytes);
  };
  return {
    source,
    list: () =>
      Promise.resolve({
        files: [...pictures.keys()],
        folders: [],
        passedOver: new PassedOver(),
        identity: "",
      }),
    sizeOf: (name) => Promise.resolve(pictures.get(name)?.length),
    read: find,
    stream: async (name) => new Blob([await find(name)]).stream(),
  };
}

/** The pictures of one file. */
export interface ParquetTable {
  /** The bytes of each row's image file. */
  readonly images: readonly ParquetValue[];
  /** The number or name of each row's class. */
  readonly labels: readonly ParquetValue[];
  /** Names of the numbers, where the metadata has them. */
  readonly labelNames: readonly string[] | undefined;
}

/** Reads the columns of images and labels; throws what `refuse` makes where there are none. */
export function readParquetTable(bytes: Uint8Array<ArrayBuffer>, refuse: Refuse): ParquetTable {
  const metadata = readMetadata(bytes, refuse);
  const rowCount = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  const most = Math.floor((bytes.length + FREE_PIXEL_BYTES) / PIXEL_BYTES);
  if (!(rowCount <= most)) {
    throw refuse(`${rowCount} rows in ${bytes.length} bytes`, `at most ${most} in so few`);
  }
  const { image, label, labelNames } = findColumns(metadata, refuse);
  const budget = { left: 3 * bytes.length + FREE_BYTES };
  const read = (path: string, optional: number) => {
    const values: ParquetValue[] = [];
    for (const { columns, num_rows } of metadata.row_groups) {
      const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join("/") === path);
      if (chunk?.meta_data === undefined || chunk.meta_data.num_values !== num_rows) {
        throw refuse(`no column ${quoted(path)} of ${num_rows} values`, "one in each row group");
      }
      for (const value of readParquetColumn(bytes, chunk.meta_data, optional, budget, refuse)) {
        values.push(value);
      }
    }
    return values;
  };
  return {
    images: read(image.path, image.optional),
    labels: read(label.path, label.optional),
    labelNames,
  };
}

function readMetadata(bytes: Uint8Array<ArrayBuffer>, refuse: Refuse): FileMetaData {
  const damaged = () => refuse("damaged metadata", "a complete Parquet file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getUint32(bytes.length - 4, true) !== 0x31524150) throw damaged();
  const footerBytes = view.getUint32(bytes.length - 8, true);
  if (footerBytes > bytes.length - 12) throw damaged();
  const footer = bytes.slice(bytes.length - 8 - footerBytes);
  // The library takes the lengths of lists as they are stated.
  if (readThrift(footer, 0) === undefined) throw damaged();
  try {
    return parquetMetadata(footer.buffer, { geoparquet: false });
  } catch {
    throw damaged();
  }
}

interface Column {
  readonly path: string;
  /** How many parts of the path may be missing. */
  readonly optional: number;
}

function findColumns(metadata: FileMetaData, refuse: Refuse) {
  const columns: (Column & { readonly type: string })[] = [];
  type Node = ReturnType<typeof parquetSchema>;
  const visit = ({ element, children, path }: Node, optional: number, depth: number) => {
    if (element.repetition_type === "REPEATED" || depth > 8) return;
    const here = optional + (element.repetition_type === "OPTIONAL" ? 1 : 0);
    if (children.length === 0) {
      columns.push({ path: path.join("/"), optional: here, type: element.type ?? "" });
    }
    for (const child of children) visit(child, here, depth + 1);
  };
  try {
    visit(parquetSchema(metadata), 0, 0);
  } catch {
    throw refuse("a damaged schema", "a complete one");
  }
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  const hints = featureHints(text);
  const isBytes = ({ type }: { type: string }) => type === "BYTE_ARRAY";
  const image = columns.find(({ path }) => path === `${hints.image}/bytes`) ??
    columns.find((column) => column.path.endsWith("/bytes") && isBytes(column)) ??
    columns.find((column) => /^(?:image|img|picture|bytes)$/.test(column.path) && isBytes(column));
  const label = columns.find(({ path }) => path === hints.label) ??
    columns.find(({ path }) => /^(?:label|labels|class|fine_label|target)$/.test(path));
  if (image === undefined || label === undefined) {
    const found = columns.slice(0, 8).map(({ path }) => quoted(path)).join(", ");
    throw refuse(`the columns ${found}`, "one of image bytes and one of labels");
  }
  return { image, label, labelNames: hints.names };
}

/** What Hugging Face's `datasets` says of the columns. */
function featureHints(text: string | undefined) {
  const hints: { image?: string; label?: string; names?: readonly string[] } = {};
  let value: unknown;
  try {
    value = JSON.parse(text ?? "null");
  } catch {
    return hints;
  }
  const features = fieldsOf(fieldsOf(fieldsOf(value).info).features);
  for (const [name, feature] of Object.entries(features)) {
    const { _type: type, names } = fieldsOf(feature);
    if (type === "Image") hints.image ??= name;
    if (type !== "ClassLabel" || hints.label !== undefined) continue;
    hints.label = name;
    if (Array.isArray(names) && names.every((item) => typeof item === "string")) {
      hints.names = names;
    }
  }
  return hints;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
