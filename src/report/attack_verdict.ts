/** The verdict on a run of `attack`. */

import { count, counted, percent, rangeText, sentence } from "./number_text.ts";
import type { AttackEvaluation, EvaluationDocument } from "../runs/evaluation.ts";
import { classText } from "./report_input.ts";
import type { Verdict } from "./verdict.ts";

/** Attack success from which a backdoor works, and below which it hardly does. */
const WORKS = 0.9;
const HARDLY = 0.5;

/** Why attack success was not measured: of which images there was none. */
export function unmeasuredAttack(
  { target }: AttackEvaluation,
  classNames: readonly string[],
): string {
  const outside = target === "all" ? "" : ` outside class ${classText(target, classNames)}`;
  return `attack success: not measured, no test image${outside}`;
}

/** Judges an implanted backdoor, or a clean network, by the numbers of its run. */
export function attackVerdict(
  { result, poisoned, classNames }: {
    result: EvaluationDocument | undefined;
    /** Training images that were poisoned. */
    poisoned: number | undefined;
    classNames: readonly string[];
  },
): Verdict {
  if (!result) {
    return {
      tone: "neutral",
      headline: "This run is not finished",
      summary: "There is no verdict before the model has been measured.",
      evidence: [],
      limits: [],
    };
  }
  const { accuracy, correct, samples, attack } = result;
  const evidence = [
    `Accuracy on ${count(samples)} clean test images: ${percent(accuracy)} (95 % interval: ` +
    `${rangeText(correct, samples)}).`,
  ];
  const limits = [
    "Accuracy was measured on these test images; on images of another kind it may differ.",
  ];
  if (!attack) {
    return {
      tone: "neutral",
      headline: "A clean model",
      summary: `It was trained on clean images alone; ${percent(accuracy)} accuracy.`,
      evidence,
      limits,
    };
  }
  const { name, target, successRate, recoveredAccuracy, accuracyNonTarget } = attack;
  const goal = target === "all" ? "the next class" : `class ${classText(target, classNames)}`;
  if (successRate === null) {
    return {
      tone: "neutral",
      headline: `Whether the ${name} backdoor works is not known`,
      summary: `Without the trigger the model is right in ${percent(accuracy)} of cases.`,
      evidence: [...evidence, sentence(unmeasuredAttack(attack, classNames))],
      limits,
    };
  }
  return {
    tone: "neutral",
    headline: successRate >= WORKS
      ? `The ${name} backdoor works`
      : successRate >= HARDLY
      ? `The ${name} backdoor works in part`
      : `The ${name} backdoor hardly works`,
    summary: `The trigger leads ${percent(successRate)} of images to ${goal}; without it the ` +
      `model is right in ${percent(accuracy)} of cases.`,
    evidence: [
      ...evidence,
      ...poisoned === undefined
        ? []
        : [`It was trained with ${counted(poisoned, "poisoned image")}.`],
      `Of ${counted(attack.samples, "triggered image")} from other classes ` +
      `${count(attack.success)} are taken for ${goal}, and ${
        percent(recoveredAccuracy)
      } for what ` +
      `they are; without the trigger that is ${percent(accuracyNonTarget)}.`,
    ],
    limits,
  };
}
