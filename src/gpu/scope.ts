/**
 * GPU memory with an owner: what is made in a scope is freed where the scope's block ends, whether it
 * returns or throws.
 *
 * ```ts ignore
 * using scope = gpu.scope();
 * const range = scope.buffer(64, "counts");
 * const model = scope.own(loadModel(gpu, architecture, state, source));
 * ```
 */

/** Part of a buffer, as a kernel binds it. */
export interface BufferRange {
  /** The buffer that it is part of. */
  readonly buffer: GPUBuffer;
  /** Bytes from the start; a multiple of `RANGE_ALIGNMENT`. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Where buffers come from. */
export interface Allocator {
  /** A zeroed storage buffer of `size` bytes, rounded up to a multiple of 4. */
  createBuffer(size: number, label: string): BufferRange;
  /** Frees a buffer; freeing it twice does nothing. */
  destroyBuffer(range: BufferRange): void;
}

/** Owns buffers and whatever else can be disposed of. Make one with `gpu.scope()`. */
export class Scope implements Disposable {
  readonly #allocator: Allocator;
  #owned: Disposable[] = [];

  /** Starts empty. */
  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  /** A buffer that lives as long as the scope; see {@linkcode Allocator.createBuffer}. */
  buffer(size: number, label: string): BufferRange {
    const range = this.#allocator.createBuffer(size, label);
    this.own({ [Symbol.dispose]: () => this.#allocator.destroyBuffer(range) });
    return range;
  }

  /** Takes over a resource, and returns it. */
  own<T extends Disposable>(resource: T): T {
    this.#owned.push(resource);
    return resource;
  }

  /** A scope that owns all that this one owned, for what outlives the block; this one is empty. */
  move(): Scope {
    const heir = new Scope(this.#allocator);
    heir.#owned = this.#owned;
    this.#owned = [];
    return heir;
  }

  /** Frees everything, last made first; again: nothing. */
  [Symbol.dispose](): void {
    for (const resource of this.#owned.splice(0).reverse()) resource[Symbol.dispose]();
  }
}
