/** The purposes of random numbers, in one table. */

/** What random numbers are for, in TypeScript and in WGSL alike; two purposes never share numbers. */
export const RandomPurpose = {
  /** The order of the images in an epoch. */
  order: 1,
  /** Which images a defender holds. */
  cleanSubset: 2,
  /** Which of those are held out for validation. */
  heldOut: 3,
  /** The drawing of procedural images. */
  drawing: 4,
  /** The split of a folder of images into training and test. */
  folderSplit: 5,
  /** Initial parameters of a model. */
  parameters: 6,
  /** Which images are poisoned. */
  poison: 7,
  /** Crops, flips and Cutout of training images. */
  augmentation: 8,
  /** What a trigger draws at random: a noise image, the reflections of an image. */
  trigger: 9,
  /** Where on a curve between networks a step trains. */
  curve: 10,
  /** Disturbances of training images. */
  corruption: 11,
} as const;

/** One of the values of the constant of the same name. */
export type RandomPurpose = typeof RandomPurpose[keyof typeof RandomPurpose];
