/** What every data set can be asked to load, so that a command holds no image that it won't use. */

/** Options common to all loaders. */
export interface LoadOptions {
  /** Which parts to load; the other one comes back without images. Default: both. */
  readonly parts?: readonly ("train" | "test")[];
  /**
   * Chooses the training images to keep, given how many there are: ascending indices in file order.
   * Image i of the result is the image at its i-th index. Default: all.
   */
  readonly trainSubset?: (count: number) => ArrayLike<number>;
  /** Told what is amiss but not fatal, such as files that were skipped. Default: not told. */
  readonly onWarning?: (message: string) => void;
}
