/** The verdict on a run of `erase` or `defend`. */

import { isNearChance } from "../train/chance.ts";
import { wilsonInterval } from "../train/interval.ts";
import { unmeasuredAttack } from "./attack_verdict.ts";
import { AUDIT_LIMIT } from "./audit_verdict.ts";
import { count, listed, percent, points, rangeText, sentence, significant } from "./number_text.ts";
import type { AuditDocument } from "../runs/audit.ts";
import type { EvaluationDocument } from "../runs/evaluation.ts";
import { classText } from "./report_input.ts";
import type { Verdict } from "./verdict.ts";

/** What is known of a defended network. */
export interface DefenseFindings {
  /** The network as it came. */
  readonly before?: EvaluationDocument | undefined;
  /** The teacher, where it was finetuned in the run and is no other network. */
  readonly teacher?: EvaluationDocument | undefined;
  /** The cleaned network. */
  readonly after?: EvaluationDocument | undefined;
  /** The audit of the network as it came. */
  readonly auditBefore?: AuditDocument | undefined;
  /** The audit of the cleaned network. */
  readonly auditAfter?: AuditDocument | undefined;
  /** In label order, as far as known. */
  readonly classNames: readonly string[];
}

/** Attack success below which a backdoor counts as erased: that of guessing among ten classes. */
const ERASED = 0.1;

/** Loss of accuracy up to which it counts as kept. */
const KEPT = 0.03;

type Judgement = Pick<Verdict, "tone" | "headline">;

/** Judges a defence by the numbers of its run. */
export function defenseVerdict(findings: DefenseFindings): Verdict {
  const { before, after } = findings;
  if (!before || !after) {
    return {
      tone: "neutral",
      headline: "This run is not finished",
      summary: "There is no verdict before the cleaned model has been measured.",
      evidence: [],
      limits: [],
    };
  }
  const evidence = [
    accuracyEvidence(before, after),
    ...attackEvidence(findings),
    ...auditEvidence(findings),
  ];
  const limits = limitsOf(findings);
  const classes = findings.classNames.length;
  const guesses = ({ accuracy, samples }: EvaluationDocument) =>
    classes > 0 && isNearChance(accuracy, samples, classes);
  if (guesses(before)) {
    return {
      tone: "bad",
      headline: "Nothing can be said: the model guesses",
      summary: `On these images it was right in ${percent(before.accuracy)} of cases before ` +
        `anything was changed, hardly better than guessing among ${classes} classes. Most likely it ` +
        "was trained with other preprocessing (--mean, --std, --scale), with the classes in another " +
        "order, or on other images.",
      evidence,
      limits,
    };
  }
  if (guesses(after)) {
    return {
      tone: "bad",
      headline: "The defence has ruined the model",
      summary:
        `Of ${percent(before.accuracy)} accuracy ${percent(after.accuracy)} are left, hardly ` +
        `better than guessing among ${classes} classes. A lower --lr or more clean images may help.`,
      evidence,
      limits,
    };
  }
  const judgement = judge(findings);
  const lost = lostAccuracy(before, after);
  const dear = lost !== undefined && lost > KEPT;
  return {
    tone: dear && judgement.tone === "good" ? "mixed" : judgement.tone,
    headline: judgement.headline,
    summary: lost === undefined
      ? "Accuracy was not measured."
      : dear && !fell(before, after)
      ? `Accuracy fell by ${points(lost)} to ${percent(after.accuracy)}, which ` +
        `${count(after.samples)} test images cannot tell from chance.`
      : dear
      ? `That cost ${points(lost)} of accuracy: ${percent(after.accuracy)} are left.`
      : `Accuracy is kept: ${percent(before.accuracy)} before, ${percent(after.accuracy)} after.`,
    evidence,
    limits,
  };
}

/** By the attack where its success was measured, else by the audit, else not at all. */
function judge({ before, after, auditBefore, auditAfter }: DefenseFindings): Judgement {
  const [was, is] = [before?.attack?.successRate, after?.attack?.successRate];
  if (typeof was === "number" && typeof is === "number") {
    if (was < ERASED && is < ERASED) {
      return { tone: "neutral", headline: "There was no working backdoor to erase" };
    }
    if (is < ERASED) return { tone: "good", headline: "The backdoor is erased" };
    return is <= was / 2
      ? { tone: "mixed", headline: "The backdoor is weakened, not erased" }
      : { tone: "bad", headline: "The backdoor is still there" };
  }
  if (!auditAfter) {
    return { tone: "neutral", headline: "Cleaned; whether there was a backdoor is not known" };
  }
  const suspected = auditBefore !== undefined && auditBefore.flagged.length > 0;
  if (auditAfter.flagged.length > 0) {
    const headline = suspected ? "The model is still suspicious" : "The model is suspicious";
    return { tone: "bad", headline };
  }
  return suspected
    ? { tone: "good", headline: "The suspicion is gone" }
    : { tone: "neutral", headline: "Nothing suspicious was found" };
}

/** Whether a lower accuracy is no accident of few images: its interval lies below that of before. */
function fell(before: EvaluationDocument, after: EvaluationDocument): boolean {
  const [was, is] = [before, after].map(({ correct, samples }) => wilsonInterval(correct, samples));
  return Boolean(was && is && is[1] < was[0]);
}

/** By how much accuracy has fallen; undefined where it was not measured. */
function lostAccuracy(before: EvaluationDocument, after: EvaluationDocument): number | undefined {
  return before.accuracy === null || after.accuracy === null
    ? undefined
    : before.accuracy - after.accuracy;
}

function accuracyEvidence(before: EvaluationDocument, after: EvaluationDocument): string {
  const lost = lostAccuracy(before, after);
  if (lost === undefined) return "Accuracy: not measured, no test image.";
  const change = lost === 0
    ? "unchanged"
    : `${points(Math.abs(lost))} ${lost > 0 ? "lower" : "higher"}`;
  const measured = ({ accuracy, correct, samples }: EvaluationDocument) =>
    `${percent(accuracy)} (95 % interval: ${rangeText(correct, samples)})`;
  return `Accuracy on ${count(after.samples)} clean test images: ${measured(before)} before, ` +
    `${measured(after)} after, ${change}.`;
}

function attackEvidence({ before, teacher, after, classNames }: DefenseFindings): string[] {
  if (!before?.attack || !after?.attack) return [];
  const { name, target, samples, success, successRate, recoveredAccuracy } = after.attack;
  if (successRate === null) return [sentence(unmeasuredAttack(after.attack, classNames))];
  const goal = target === "all" ? "the next class" : `class ${classText(target, classNames)}`;
  const sentences = [
    `The trigger of ${name} leads images to ${goal}: ${percent(before.attack.successRate)} of ` +
    `them before, ${percent(successRate)} after (${count(success)} of ${count(samples)}). Below ` +
    `${100 * ERASED} % counts as erased here.`,
    `With the trigger on, ${
      percent(recoveredAccuracy)
    } of those images are now seen as what they ` +
    "are.",
  ];
  if (typeof teacher?.attack?.successRate !== "number") return sentences;
  const gain = teacher.attack.successRate - successRate;
  sentences.push(
    `Finetuning alone, which made the teacher, came to ${percent(teacher.attack.successRate)} ` +
      `attack success at ${percent(teacher.accuracy)} accuracy: ` +
      (gain > 0
        ? `distillation took off another ${points(gain)}.`
        : "distillation has earned nothing here."),
  );
  return sentences;
}

function auditEvidence({ auditBefore, auditAfter, classNames }: DefenseFindings): string[] {
  const named = ({ flagged }: AuditDocument) =>
    flagged.length === 0 ? "none" : listed(flagged.map((label) => classText(label, classNames)));
  if (!auditAfter) return [];
  const limit = `above ${significant(auditAfter.threshold)} a class is suspicious`;
  return [
    auditBefore
      ? `The audit's anomaly index was ${significant(auditBefore.anomalyIndex)} before and is ` +
        `${significant(auditAfter.anomalyIndex)} after; ${limit}. Suspicious classes before: ` +
        `${named(auditBefore)}; after: ${named(auditAfter)}.`
      : `The audit's anomaly index is ${significant(auditAfter.anomalyIndex)} after; ${limit}. ` +
        `Suspicious classes: ${named(auditAfter)}.`,
  ];
}

function limitsOf({ after, auditAfter }: DefenseFindings): string[] {
  return [
    typeof after?.attack?.successRate === "number"
      ? "Only this trigger was measured. Another one, of which nobody knows, would not show."
      : after?.attack
      ? "Attack success was not measured: neither that there was a backdoor nor that it is gone has " +
        "been shown."
      : "No trigger is known, so attack success was not measured: neither that there was a " +
        "backdoor nor that it is gone has been shown.",
    ...auditAfter ? [AUDIT_LIMIT] : [],
    "Accuracy was measured on these test images; on images of another kind it may differ.",
  ];
}
