/** Which class a backdoor leads to, and what counts as its success. */

/** `all2one`: every image becomes the target class; `all2all`: class y becomes y + 1 modulo K. */
export type TargetMode = "all2one" | "all2all";

/** The aim of a backdoor. */
export interface Target {
  /** One class for all images, or one for each class. */
  readonly mode: TargetMode;
  /** The class of `all2one`; without meaning for `all2all`. */
  readonly label: number;
  /** The one class whose images are to become it; absent where all are. */
  readonly source?: number;
}

/** The class that an image of class `label` is to become. */
export function targetOf(target: Target, label: number, classes: number): number {
  return target.mode === "all2one" ? target.label : (label + 1) % classes;
}

/**
 * False for images that say nothing about a backdoor: they are of their target class already, or not
 * of the class that alone is led there.
 */
export function countsForAttack(target: Target, label: number, classes: number): boolean {
  const { source = label } = target;
  return source === label && targetOf(target, label, classes) !== label;
}
