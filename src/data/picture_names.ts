/** Which files of a folder are taken for pictures. */

import { pictureFormat } from "../formats/picture_format.ts";
import { peek } from "./archive_tree.ts";
import type { FileTree } from "./file_tree.ts";
import type { PassedOver } from "./passed_over.ts";

/** Endings of pictures, whether or not their format is decoded: a missing picture must be heard of. */
const PICTURE_ENDINGS = new Set(
  ("png apng jpg jpeg jpe jfif ppm pgm pbm pnm pam webp bmp dib gif tif tiff avif heic heif jp2 " +
    "j2k jxl ico psd svg tga").split(" "),
);

/**
 * Those of `names` that are pictures: what has a picture's ending, judged by its content only when it
 * is read, and what has no ending but begins like a picture. The others are counted.
 */
export async function pictureNames(
  tree: FileTree,
  names: readonly string[],
  passedOver: PassedOver,
): Promise<string[]> {
  const pictures: string[] = [];
  for (const name of names) {
    const file = name.slice(name.lastIndexOf("/") + 1);
    const dot = file.lastIndexOf(".");
    const ending = dot < 0 ? undefined : file.slice(dot + 1).toLowerCase();
    const isPicture = ending === undefined
      ? pictureFormat(await peek(tree, name)) !== undefined
      : PICTURE_ENDINGS.has(ending);
    if (isPicture) pictures.push(name);
    else passedOver.add("files that are no pictures", name);
  }
  return pictures;
}
