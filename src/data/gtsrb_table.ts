/** The CSV files of GTSRB: class and region of interest of each image. */

import { FormatError } from "../errors.ts";
import type { ByteImage } from "../formats/byte_image.ts";
import { quoted, shown } from "../text/quoted.ts";

/** Part of an image, as shares of its width and height, 0..1. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A row of a table. */
export interface TableRow {
  readonly label: number;
  /** Around the sign; absent where the table has none that lies inside the image. */
  readonly region?: Region;
}

const REGION_COLUMNS = ["Width", "Height", "Roi.X1", "Roi.Y1", "Roi.X2", "Roi.Y2"] as const;

/**
 * Reads a table: rows by file name. `source` names the file in messages.
 *
 * @throws {FormatError} for missing columns, and rows without a file name or a class.
 */
export function parseTable(text: string, source: string): Map<string, TableRow> {
  const lines = linesOf(text);
  const header = lines.next().value ?? "";
  const columns = header.split(";");
  const fileColumn = columns.indexOf("Filename");
  const classColumn = columns.indexOf("ClassId");
  if (fileColumn < 0 || classColumn < 0) {
    throw new FormatError(
      `cannot read ${shown(source)}: found the columns ${quoted(header)}, ` +
        `expected Filename and ClassId, parted by ;`,
    );
  }
  const regionColumns = REGION_COLUMNS.map((name) => columns.indexOf(name));
  const rows = new Map<string, TableRow>();
  let number = 1;
  for (const line of lines) {
    number++;
    const cells = line.split(";", columns.length);
    const file = cells[fileColumn];
    const label = cells[classColumn] ?? "";
    if (file === undefined || !/^\d+$/.test(label)) {
      throw new FormatError(
        `cannot read ${shown(source)}: found ${quoted(line)} in line ${number}, ` +
          `expected a file name and a class`,
      );
    }
    const numbers = regionColumns.map((column) =>
      /^\d+$/.test(cells[column] ?? "") ? Number(cells[column]) : NaN
    );
    const region = regionOf(numbers);
    rows.set(file, { label: Number(label), ...region ? { region } : {} });
  }
  return rows;
}

/** The lines that are not blank, one at a time: a list of all may take many times the text. */
function* linesOf(text: string): Generator<string, undefined> {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    const line = text.slice(start, end < 0 ? text.length : end).trimEnd();
    if (line !== "") yield line;
    start = end < 0 ? text.length : end + 1;
  }
  return undefined;
}

/** The region of a row's numbers; without one that lies inside the image, none. */
function regionOf(numbers: readonly number[]): Region | undefined {
  const [width = 0, height = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0] = numbers;
  const inside = x1 < x2 && x2 <= width && y1 < y2 && y2 <= height;
  if (!inside) return undefined;
  return { left: x1 / width, top: y1 / height, right: x2 / width, bottom: y2 / height };
}

/** The part of an image in `region`, at least one pixel; sides are rounded to whole pixels. */
export function cropImage({ height, width, pixels }: ByteImage, region: Region): ByteImage {
  const left = Math.min(width - 1, Math.round(region.left * width));
  const top = Math.min(height - 1, Math.round(region.top * height));
  const newWidth = Math.max(1, Math.round(region.right * width) - left);
  const newHeight = Math.max(1, Math.round(region.bottom * height) - top);
  const area = newHeight * newWidth;
  const cropped = Uint8Array.from({ length: 3 * area }, (_, i) => {
    const channel = Math.floor(i / area);
    const row = top + Math.floor(i % area / newWidth);
    return pixels[(channel * height + row) * width + left + i % newWidth]!;
  });
  return { height: newHeight, width: newWidth, pixels: cropped };
}
