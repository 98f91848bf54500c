/** Where the files of a run lie: a folder on a disk (`folder_store.ts`), or memory. */

/** A place for files. A name is a path within it, with `/` between folders. */
export interface Store {
  /** How messages name the place. */
  readonly path: string;
  /**
   * The content of a file; undefined where there is none.
   *
   * @throws {FormatError} where it is no regular file, has more than `limit` bytes, or cannot be read.
   */
  read(name: string, limit: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Replaces a file as a whole or, where that fails, not at all.
   *
   * @throws {FormatError} where it cannot be written.
   */
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /**
   * Puts `bytes` behind the first `size` bytes of a file, which is made if it is not there. Where that
   * fails the first `size` bytes are as they were.
   *
   * @throws {FormatError} where it cannot be written.
   */
  append(name: string, size: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Whether there is such a place. */
  exists(): Promise<boolean>;
  /** Names of all files. */
  list(): Promise<string[]>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
  /** Gives the place back to others. */
  close(): void;
  /** Gives it back and removes it, if no file is left in it. */
  discard(): Promise<void>;
}

/** A place in memory, for tests and pages. */
export function memoryStore(path = "memory"): Store {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    path,
    read: (name) => Promise.resolve(files.get(name)?.slice()),
    write(name, bytes) {
      files.set(name, bytes.slice());
      return Promise.resolve();
    },
    append(name, size, bytes) {
      const first = files.get(name)?.subarray(0, size) ?? new Uint8Array(0);
      files.set(name, Uint8Array.from([...first, ...bytes]));
      return Promise.resolve();
    },
    exists: () => Promise.resolve(true),
    list: () => Promise.resolve([...files.keys()]),
    remove(name) {
      files.delete(name);
      return Promise.resolve();
    },
    close() {},
    discard: () => Promise.resolve(),
  };
}
