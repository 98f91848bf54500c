/** Evaluations as people and as programs read them. */

import type { BackdoorDescription } from "../attacks/backdoor.ts";
import { isNearChance } from "../train/chance.ts";
import { unmeasuredAttack } from "../report/attack_verdict.ts";
import { counted, NOT_MEASURED, rangeText } from "../report/number_text.ts";
import type { Share } from "../train/confusion.ts";
import { type Interval, wilsonInterval } from "../train/interval.ts";
import type { AttackEvaluation, EvaluationDocument } from "../runs/evaluation.ts";
import type { Verdict } from "../report/verdict.ts";
import type { Evaluation } from "../train/evaluate.ts";
import { shown } from "../text/quoted.ts";
import type { EpochProgress } from "../train/trainer.ts";

/** An evaluation as it is printed: beside each share its 95 % interval, null where it is null. */
export interface EvaluationResult extends EvaluationDocument {
  readonly accuracyInterval: Interval | null;
  readonly attack?: AttackEvaluation & {
    readonly successRateInterval: Interval | null;
    readonly recoveredAccuracyInterval: Interval | null;
    readonly accuracyNonTargetInterval: Interval | null;
  };
}

/** The document of an evaluation. */
export function evaluationDocument(
  evaluation: Evaluation,
  of: {
    model: string;
    dataset: string;
    adapter: string;
    backdoor: BackdoorDescription | null;
  },
): EvaluationResult {
  const { samples, correct, accuracy, attack, seconds } = evaluation;
  const { backdoor } = of;
  return {
    model: of.model,
    dataset: of.dataset,
    samples,
    correct,
    accuracy,
    accuracyInterval: wilsonInterval(correct, samples),
    ...attack && backdoor
      ? {
        attack: {
          name: backdoor.name,
          target: backdoor.target.mode === "all2one" ? backdoor.target.label : "all",
          ...attack,
          successRateInterval: wilsonInterval(attack.success, attack.samples),
          recoveredAccuracyInterval: wilsonInterval(attack.correct, attack.samples),
          accuracyNonTargetInterval: wilsonInterval(attack.correctNonTarget, attack.samples),
        },
      }
      : {},
    adapter: of.adapter,
    seconds,
  };
}

/** A table with a row for each evaluation. */
export function resultsTable(rows: readonly (readonly [string, EvaluationDocument])[]): string {
  const attacked = rows.some(([, { attack }]) => attack);
  const head = attacked
    ? ["", "accuracy", "outside target", "attack success", "recovered"]
    : ["", "accuracy"];
  const cells = rows.map(([name, { accuracy, attack }]) => [
    name,
    percent(accuracy),
    ...attack
      ? [attack.accuracyNonTarget, attack.successRate, attack.recoveredAccuracy].map(percent)
      : [],
  ]);
  const table = [head, ...cells];
  const widths = head.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  return table
    .map((row) =>
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")
        .trimEnd()
    )
    .join("\n");
}

/** Where the shares of an evaluation lie with 95 % confidence, for people. */
export function intervalText({ samples, correct, attack }: EvaluationDocument): string {
  const images = (count: number) => counted(count, "image");
  return [
    `95 % interval of the accuracy on ${images(samples)}: ${rangeText(correct, samples)}`,
    ...attack && attack.samples > 0
      ? [
        `95 % interval of the attack success on ${images(attack.samples)}: ` +
        rangeText(attack.success, attack.samples),
      ]
      : [],
  ].join("\n");
}

/** What the numbers of a network cannot be taken for, and why; for people. */
export function measurementWarnings(
  { accuracy, samples, model, dataset, attack }: EvaluationDocument,
  classNames: readonly string[],
): string[] {
  const classes = classNames.length;
  const warnings: string[] = [];
  if (attack?.samples === 0) warnings.push(`warning: ${unmeasuredAttack(attack, classNames)}`);
  if (isNearChance(accuracy, samples, classes)) {
    warnings.push(
      `warning: ${shown(model)} is right on ${percent(accuracy)} of ${
        shown(dataset)
      }, hardly better than ` +
        `guessing among ${classes} classes. The usual causes: it was trained with other ` +
        "preprocessing (--mean, --std, --scale), with the classes in another order (folders count " +
        "in alphabetical order), or on other images",
    );
  }
  return warnings;
}

/** For example `84.80 %`. */
export function percent(share: Share): string {
  return share === null ? NOT_MEASURED : `${(100 * share).toFixed(2)} %`;
}

/** What is said before the first progress: a driver compiles for seconds, and says nothing of it. */
export const COMPILING = "compiling kernels";

/** A progress line of training, for example `teacher 3/10 [####    ] loss 0.312 210 images/s 0:42 left`. */
export function progressText(name: string, progress: EpochProgress, batchSize: number): string {
  const { epoch, epochs, step, steps, loss, imagesPerSecond } = progress;
  const left = ((epochs - epoch) * steps - step) * batchSize / imagesPerSecond;
  return `${name} ${epoch + 1}/${epochs} ${bar(step / steps)} loss ${loss.toFixed(3)} ` +
    `${imagesPerSecond.toFixed(0)} images/s ${duration(left)} left`;
}

/** A progress line of evaluation. */
export function evaluationProgressText(name: string, images: number, total: number): string {
  return `evaluating ${name} ${bar(images / total)} ${Math.round(images)} of ${total} images`;
}

const BAR_WIDTH = 20;

function bar(share: number): string {
  const done = Math.round(BAR_WIDTH * Math.min(1, share));
  return `[${"#".repeat(done)}${" ".repeat(BAR_WIDTH - done)}]`;
}

/** For example `1:05`, or `2:01:05` above an hour. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const text = hours > 0 ? [hours, ...parts] : parts;
  return text.map((part, i) => i === 0 ? String(part) : String(part).padStart(2, "0")).join(":");
}

/** A verdict for people: what was found, why, and what that does not show. */
export function verdictText({ headline, summary, evidence, limits }: Verdict): string {
  return [
    `${headline}. ${summary}`,
    ...evidence.map((sentence) => `  ${sentence}`),
    ...limits.length > 0 ? ["What this cannot tell:"] : [],
    ...limits.map((sentence) => `  ${sentence}`),
  ].join("\n");
}
