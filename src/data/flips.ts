/** Which data sets may be mirrored. */

/** Data sets whose classes survive a horizontal flip; road signs and unknown pictures may not. */
const FLIPPABLE: ReadonlySet<string> = new Set(["cifar10"]);

/** True where a mirrored image keeps its class, so that flips are a valid augmentation. */
export function flipKeepsClass(dataset: string): boolean {
  return FLIPPABLE.has(dataset);
}
