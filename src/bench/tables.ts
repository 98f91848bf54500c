/** The benchmark's results as people read them. */

import type { KernelResult } from "./measure_kernels.ts";
import type { StepResult } from "./measure_steps.ts";
import type { PeerRatio, Peers } from "./peers.ts";
import type { FirstStepSeconds } from "./processes.ts";

/** Columns as wide as their widest cell; the first `left` columns are flush left. */
export function table(rows: readonly (readonly string[])[], left: number): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from(
    { length: columns },
    (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, i) => i < left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))
      .join("  ").trimEnd();
  return rows.map(line).join("\n");
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/** Three digits that count, without an exponent. */
function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A row for each kind of step. */
export function stepTable(rows: readonly StepResult[]): string {
  const head = [
    "step",
    "batch",
    "images/s",
    "spread",
    "ms/step",
    "dispatches",
    "submits/step",
    "fences/s",
    "JS ms/step",
    "of step",
  ];
  const cells = rows.map((step) => [
    step.step,
    String(step.batchSize),
    digits(step.imagesPerSecond),
    `±${percent(step.spread)}`,
    digits(step.stepMilliseconds),
    String(step.dispatches),
    digits(step.submits),
    digits(step.fencesPerSecond),
    digits(step.javascriptMilliseconds),
    `${(100 * step.javascriptMilliseconds / step.stepMilliseconds).toFixed(1)} %`,
  ]);
  return table([head, ...cells], 1);
}

/** Cost of an image over the batch size: milliseconds of each kind of step. */
export function batchSizeTable(rows: readonly StepResult[]): string {
  const names = [...new Set(rows.map(({ step }) => step))];
  const sizes = [...new Set(rows.map(({ batchSize }) => batchSize))];
  const cost = (name: string, size: number) => {
    const found = rows.find(({ step, batchSize }) => step === name && batchSize === size);
    return found ? digits(1000 / found.imagesPerSecond) : "";
  };
  const head = ["ms/image", ...sizes.map((size) => `batch ${size}`)];
  return table([head, ...names.map((name) => [name, ...sizes.map((size) => cost(name, size))])], 1);
}

/** A row for each kernel; `count` is how often a distillation step runs it. */
export function kernelTable(kernels: readonly KernelResult[]): string {
  const head = [
    "kernel",
    "shape",
    "variant",
    "with",
    "train",
    "nad",
    "ms",
    "spread",
    "GFLOP/s",
    "of peak",
    "GB/s",
  ];
  const cells = kernels.map((kernel) => [
    kernel.name,
    kernel.shape,
    kernel.variant ?? "",
    kernel.fusions?.join(", ") ?? "",
    String(kernel.perStep.train),
    String(kernel.perStep.nad),
    kernel.milliseconds.toFixed(3),
    `±${percent(kernel.spread)}`,
    kernel.gflops === undefined ? "" : digits(kernel.gflops),
    kernel.shareOfPeak === undefined ? "" : percent(kernel.shareOfPeak),
    digits(kernel.gigabytesPerSecond),
  ]);
  return table([head, ...cells], 4);
}

/** Where a step's time goes: kernels of one name together, by their own time, largest first. */
export function groupTable(kernels: readonly KernelResult[], step: "train" | "nad"): string {
  const groups = new Map<string, { count: number; milliseconds: number; flops: number }>();
  for (const { name, perStep, milliseconds, gflops = 0 } of kernels) {
    const group = groups.get(name) ?? { count: 0, milliseconds: 0, flops: 0 };
    group.count += perStep[step];
    group.milliseconds += perStep[step] * milliseconds;
    group.flops += perStep[step] * milliseconds * gflops;
    groups.set(name, group);
  }
  const sorted = [...groups].filter(([, { count }]) => count > 0)
    .sort(([, a], [, b]) => b.milliseconds - a.milliseconds);
  const total = sorted.reduce((sum, [, { milliseconds }]) => sum + milliseconds, 0);
  const count = sorted.reduce((sum, [, { count }]) => sum + count, 0);
  return table([
    [`kernels of a step: ${step}`, "dispatches", "ms", "of all", "GFLOP/s"],
    ...sorted.map(([name, group]) => [
      name,
      String(group.count),
      digits(group.milliseconds),
      percent(group.milliseconds / total),
      group.flops === 0 ? "" : digits(group.flops / group.milliseconds),
    ]),
    ["all", String(count), digits(total)],
  ], 1);
}

/** Time to the first step. */
export function firstStepText({ cold, warm }: FirstStepSeconds): string {
  const coldText = cold === null
    ? "n/a without the driver's cache (not one of Mesa's)"
    : `${cold.toFixed(1)} s without the driver's cache`;
  return `first training step of a fresh process: ${coldText}, ${warm.toFixed(1)} s with it`;
}

/** The other libraries' images a second, and how many times as fast this one is. */
export function peersText(peers: Peers, ratios: readonly PeerRatio[]): string {
  const cell = (value: number | undefined) => value === undefined ? "" : digits(value);
  const rows = Object.entries(peers).map(([peer, { train, forward, evaluate }]) => [
    peer,
    cell(train),
    cell(forward),
    cell(evaluate),
    ...(["train", "evaluate"] as const).map((step) => {
      const found = ratios.find((ratio) => ratio.peer === peer && ratio.step === step);
      return found ? `${found.ratio.toFixed(2)} x ${found.against}` : "";
    }),
  ]);
  return table([
    ["peer (images/s)", "train", "forward", "evaluate", "our train is", "our evaluate is"],
    ...rows,
  ], 1);
}
