/** Reads a model from disk, whatever its format. */

import {
  type Checkpoint,
  type CheckpointOptions,
  MAXIMUM_CHECKPOINT_BYTES,
  parseCheckpoint,
} from "./parse_checkpoint.ts";
import { readRegularFile } from "./read_file.ts";

/**
 * Reads a safetensors or PyTorch file from disk.
 *
 * @throws {FormatError} where `path` is missing, no regular file, not permitted or larger than
 * {@linkcode MAXIMUM_CHECKPOINT_BYTES}, and as {@linkcode parseCheckpoint} does.
 */
export async function readCheckpoint(
  path: string,
  options: CheckpointOptions = {},
): Promise<Checkpoint> {
  const expectation = { what: "checkpoint", limit: MAXIMUM_CHECKPOINT_BYTES };
  return await parseCheckpoint(await readRegularFile(path, expectation), path, options);
}
