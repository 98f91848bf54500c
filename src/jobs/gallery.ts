/** A picture of what attacks do to images. */

import { ATTACKS, findAttack } from "../attacks/attacks.ts";
import type { BackdoorRequest } from "../attacks/backdoor.ts";
import { poisonedImage, poisonedSet } from "../attacks/poisoned_set.ts";
import type { Dataset } from "../data/image_set.ts";
import { encodePng } from "../formats/png_write.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { amplifiedDifference, gallery } from "../report/gallery.ts";
import { planAttack, type PreparationContext, prepareAttack } from "./poisoning.ts";

/** Images of each attack. */
const COLUMNS = 8;

/** Side of a drawn pixel. */
const SCALE = 3;

/** Of the differences: PGD changes a byte by 8 at most. */
const AMPLIFICATION = 5;

/** Where no attack is named, helper models need only be good enough for a picture. */
const QUICK: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  trojan: { epochs: "1", steps: "200" },
  "clean-label": { epochs: "1", "training-steps": "1", steps: "20" },
};

/**
 * Draws for each attack, or the one named, three rows: images that it would poison, the same
 * poisoned, and the amplified difference around grey.
 *
 * @returns what is in the picture, in words.
 * @param named The attack; without one all, aimed at class 0.
 */
export async function writeGallery(
  path: string,
  gpu: Gpu,
  dataset: Dataset,
  named: BackdoorRequest | undefined,
  context: PreparationContext,
): Promise<string> {
  const { height, width } = dataset.train;
  const size = 3 * height * width;
  const target = { mode: "all2one", label: 0 } as const;
  const descriptions = named ? [named] : ATTACKS.map(({ name }) => ({
    name,
    target,
    options: QUICK[name] ?? {},
    seed: context.training.seed,
  }));
  const groups: Uint8Array[][][] = [];
  for (const description of descriptions) {
    const rate = findAttack(description.name).defaultRate;
    const plan = await planAttack(description, dataset, rate);
    const poisoned = plan.poisoning.poisoned.slice(0, COLUMNS);
    const few = { ...plan, poisoning: { ...plan.poisoning, poisoned } };
    const { triggers, images } = await prepareAttack(gpu, few, dataset, context);
    const set = poisonedSet(dataset.train, few.poisoning, triggers, images);
    const before = Array.from(
      poisoned,
      (record) => dataset.train.pixels.slice(record * size, (record + 1) * size),
    );
    const after = Array.from(poisoned, (record) => poisonedImage(set, record));
    const difference = after.map((image, i) =>
      amplifiedDifference(before[i]!, image, AMPLIFICATION)
    );
    groups.push([before, after, difference]);
  }
  await writeFileAtomic(path, encodePng(gallery(groups, { height, width }, SCALE)));
  const names = descriptions.map(({ name }) => name).join(", ");
  return `${path}: ${names} from the top; images, the same poisoned, ${AMPLIFICATION} times the ` +
    "difference";
}
