/**
 * The largest weight of attention that clean accuracy allows: betas grow fourfold as long as
 * held-out accuracy stays above a floor. Attack success plays no part: it is not known here.
 */

import { UsageError } from "../errors.ts";
import type { Model } from "../nn/model.ts";
import type { DefenseContext } from "./defense.ts";

/** Factor between two tries. */
const FACTOR = 4;

/** Tries at most: up to 64 times the betas. */
const TRIES = 4;

/** What a try came to. */
interface Try {
  readonly betas: readonly number[];
  /** 0..1 */
  readonly heldOutAccuracy: number;
}

/**
 * Distils with growing betas.
 *
 * @param distil Trains a fresh student in a phase of the given name.
 * @returns the student of the largest betas that held the floor; of the smallest where none did.
 * @throws {UsageError} where no images are held out, or the floor is below nothing.
 */
export async function autoBetas(
  context: DefenseContext,
  phase: string,
  distil: (phase: string, betas: readonly number[]) => Promise<Model>,
): Promise<Model> {
  const { settings, student, load, heldOutAccuracy, note } = context;
  let before: number | undefined;
  {
    using model = load(student);
    before = await heldOutAccuracy(model);
  }
  if (before === undefined) {
    throw new UsageError(
      "cannot choose betas without held-out images: leave --held-out above 0, or give --betas",
    );
  }
  const floor = before - settings.floor / 100;
  if (floor <= 0) {
    throw new UsageError(
      `cannot keep accuracy within ${settings.floor} points: it is ${
        (100 * before).toFixed(1)
      } % ` +
        "on the held-out images before anything is changed; expected a smaller --floor",
    );
  }
  const tries: Try[] = [];
  let chosen: Model | undefined;
  for (let i = 0; i < TRIES; i++) {
    const factor = FACTOR ** i;
    const betas = settings.distillation.betas.map((beta) => beta * factor);
    const model = await distil(`${phase}-x${factor}`, betas);
    const accuracy = (await heldOutAccuracy(model))!;
    tries.push({ betas, heldOutAccuracy: accuracy });
    await note("autoBetas", { before, floor, tries });
    if (accuracy < floor && chosen) {
      model[Symbol.dispose]();
      break;
    }
    chosen?.[Symbol.dispose]();
    chosen = model;
    if (accuracy < floor) break;
  }
  return chosen!;
}
