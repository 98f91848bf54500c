/** What both of PyTorch's file formats hold, once their containers are taken apart. */

import type { PickleValue } from "./pickle_value.ts";

/** An unpickled object with the memory that its tensors view. */
export interface TorchContents {
  /** The object that was saved. */
  readonly root: PickleValue;
  /** Bytes by storage key: as many as the pickle states. */
  readonly storages: ReadonlyMap<string, Uint8Array>;
  /** Byte order of the storages. */
  readonly littleEndian: boolean;
}
