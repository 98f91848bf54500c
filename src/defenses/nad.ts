/**
 * Neural Attention Distillation: Li et al. (ICLR 2021), section 3. A copy of the network is finetuned
 * on the clean images and becomes the teacher; the network itself learns from them with the
 * teacher's attention.
 */

import { ModelError, TrainingError } from "../errors.ts";
import type { Model } from "../nn/model.ts";
import { CROSS_ENTROPY } from "../train/objectives.ts";
import { attentionDistillation } from "./attention_distillation.ts";
import { autoBetas } from "./auto_betas.ts";
import { checkTaps } from "./check_taps.ts";
import type { Defense, DefenseContext } from "./defense.ts";

/** Standard errors beyond which a loss of accuracy is no accident of few images: 95 %. */
const CONFIDENCE = 1.96;

/** Attention distillation; with `iterations` above 1 each result is the teacher of the next. */
export const nad: Defense = {
  name: "nad",
  description: "attention distillation from a finetuned copy (Li et al. 2021)",
  trains: true,
  finetuning: ({ teacher }) =>
    teacher === "finetuned" ? { phase: "teacher", training: "teacherTraining" } : undefined,
  async run(context) {
    const { settings, student } = context;
    const { distillation, iterations } = settings;
    if (context.teacher && context.teacher.architecture.classes !== student.architecture.classes) {
      throw new ModelError(
        `cannot distil ${student.source} with ${student.architecture.classes} classes from ` +
          `${context.teacher.source} with ${context.teacher.architecture.classes}: expected equal ` +
          "class counts",
      );
    }
    if (distillation.kind === "attention") {
      const { operator } = distillation;
      using looked = context.load(student);
      await checkTaps(context.gpu, looked, context.clean, operator, settings.training);
    }
    let teacher = await makeTeacher(context);
    for (let i = 1;; i++) {
      const phase = iterations === 1 ? "student" : `student-${i}`;
      const distil = async (phase: string, betas: readonly number[]) => {
        const model = context.load(student);
        const objective = attentionDistillation(teacher, { ...distillation, betas });
        await context.train(phase, model, objective, settings.training);
        return model;
      };
      const result = settings.autoBetas
        ? await autoBetas(context, phase, distil)
        : await distil(phase, distillation.betas);
      if (i === iterations) return result;
      await context.present(phase, result);
      teacher[Symbol.dispose]();
      teacher = result;
    }
  },
};

/**
 * The given teacher, the student as it came, or a copy of it finetuned on the clean images.
 *
 * @throws {TrainingError} where finetuning has cost more held-out accuracy than `teacherFloor` allows,
 * by more than the few held-out images leave to chance.
 */
async function makeTeacher(context: DefenseContext): Promise<Model> {
  const { student, settings } = context;
  if (context.teacher) {
    const given = context.load(context.teacher);
    await context.present("teacher", given);
    return given;
  }
  const teacher = context.load(student);
  if (settings.teacher === "original") return teacher;
  const before = await context.heldOutAccuracy(teacher);
  await context.train("teacher", teacher, CROSS_ENTROPY, settings.teacherTraining);
  const after = await context.heldOutAccuracy(teacher);
  if (before !== undefined && after !== undefined) {
    await context.note("teacherHeldOut", { before, after });
    const lost = before - after;
    const uncertainty = CONFIDENCE * standardError(before, after, context.heldOut!.count);
    if (100 * (lost - uncertainty) > settings.teacherFloor) {
      throw new TrainingError(
        `cannot use the finetuned teacher: its held-out accuracy fell by ${
          percent(lost)
        } points to ` +
          `${
            percent(after)
          } %, expected at most ${settings.teacherFloor}; a lower --lr, more clean ` +
          "images or a larger --teacher-floor help",
      );
    }
  }
  await context.present("teacher", teacher);
  return teacher;
}

/** Of the difference of two accuracies on `count` images, as if they had nothing in common. */
function standardError(a: number, b: number, count: number): number {
  return Math.sqrt((a * (1 - a) + b * (1 - b)) / count);
}

const percent = (share: number) => (100 * share).toFixed(1);
