/** What the sections of a report are made from. */

import { shown } from "../text/quoted.ts";
import { fieldsOf } from "./json_value.ts";
import type { Measurement } from "./measurement.ts";
import type { Section } from "./page.ts";
import type { Picture } from "./picture.ts";
import { type EvaluationDocument, evaluationsOf } from "../runs/evaluation.ts";
import type { Missing, RunContents } from "./run_contents.ts";

/** A run and what was computed of it. */
export interface ReportInput {
  /** What its folder holds. */
  readonly run: RunContents;
  /** In label order; empty where the data set is not known. */
  readonly classNames: readonly string[];
  /** Absent where models, data or a GPU are. */
  readonly measurement?: Measurement | undefined;
  /** What could not be had, beside what the run itself lacks. */
  readonly missing: readonly Missing[];
  /** Commands that make run and report again. */
  readonly commands: readonly Command[];
}

/** A command line. */
export interface Command {
  /** What it does, as a sentence. */
  readonly purpose: string;
  /** For a POSIX shell; may have several lines. */
  readonly line: string;
}

/** A section with the pictures that its body embeds. */
export interface IllustratedSection extends Section {
  readonly pictures?: readonly Picture[];
}

/** A value of a run's settings in words, whatever it is. */
export function valueText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "not known";
  if (text.length <= LONGEST) return text;
  return `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}

/** Characters of a value that are shown; a trigger's picture is longer. */
const LONGEST = 200;

/** For example `7 (yield)`; `7` where the name is not known. */
export function classText(label: number, classNames: readonly string[]): string {
  const name = classNames[label];
  return name === undefined || name === String(label) ? String(label) : `${label} (${shown(name)})`;
}

/** For example `yield`; `class 7` where the name is not known. */
export function className(label: number, classNames: readonly string[]): string {
  return classNames[label] ?? `class ${label}`;
}

/** A measured stage of a run. */
export interface Stage {
  /** As `run.json` calls it. */
  readonly key: string;
  /** As the report calls it. */
  readonly name: string;
  readonly result: EvaluationDocument;
}

/** All measured stages, in the order in which they were measured. */
export function stagesOf({ record }: RunContents): Stage[] {
  return evaluationsOf(record).map(([key, result]) => ({
    key,
    name: stageName(key, record),
    result,
  }));
}

/** What the report calls a stage, and the network that was measured then. */
export function stageName(key: string, { command, settings }: RunContents["record"]): string {
  const { name } = fieldsOf(settings.attack);
  switch (key) {
    case "before":
      // Nobody has convicted a model whose attack is not known.
      return name === undefined ? "original" : "backdoored";
    case "after":
      return settings.defense === "none" ? "unchanged" : command === "erase" ? "erased" : "cleaned";
    case "model":
      return typeof name === "string" ? name : "clean";
    default:
      return key;
  }
}
