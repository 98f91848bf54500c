import assert from "node:assert/strict";
import { type StepName, stepRatio } from "../../src/bench/measure_steps.ts";
import { parsePeakResident } from "../../src/bench/processes.ts";
import { batchSizeTable, groupTable, table } from "../../src/bench/tables.ts";

Deno.test("table() is flush left in the first columns and flush right in the others", () => {
  assert.equal(
    table([["name", "with", "ms"], ["a", "", "10.25"], ["longer", "x", "1.5"]], 2),
    ["name    with     ms", "a             10.25", "longer  x       1.5"].join("\n"),
  );
});

Deno.test("batchSizeTable() shows milliseconds an image for each step and size", () => {
  const result = (step: StepName, batchSize: number, imagesPerSecond: number) => ({
    step,
    batchSize,
    imagesPerSecond,
    spread: 0,
    stepMilliseconds: 1,
    dispatches: 1,
    submits: 1,
    fencesPerSecond: 1,
    javascriptMilliseconds: 1,
    roundMilliseconds: [1],
  });
  const text = batchSizeTable([
    result("train", 16, 100),
    result("nad", 16, 50),
    result("train", 64, 200),
  ]);
  assert.equal(
    text,
    ["ms/image  batch 16  batch 64", "train         10.0      5.00", "nad           20.0"].join(
      "\n",
    ),
  );
});

Deno.test("stepRatio() compares within each round, so that a slow minute does not count", () => {
  const rounds = (...roundMilliseconds: number[]) => ({ roundMilliseconds });
  assert.equal(stepRatio(rounds(3, 60, 6, 3.2), rounds(2, 40, 4, 2)), 1.5);
});

Deno.test("groupTable() adds up the kernels of one name as often as the step runs them", () => {
  const kernel = (name: string, milliseconds: number, train: number, gflops?: number) => ({
    arch: "wrn-16-1",
    name,
    shape: "",
    perStep: { train, nad: 0 },
    milliseconds,
    spread: 0,
    ...gflops === undefined ? {} : { gflops },
    gigabytesPerSecond: 1,
  });
  const rows = groupTable(
    [kernel("sgd", 2, 1), kernel("conv", 1, 4, 10), kernel("conv", 2, 2, 40), kernel("at", 9, 0)],
    "train",
  ).split("\n").map((row) => row.split(/ {2,}/));
  assert.deepEqual(rows.slice(1), [
    ["conv", "6", "8.00", "80 %", "25.0"],
    ["sgd", "1", "2.00", "20 %"],
    ["all", "7", "10.0"],
  ]);
});

Deno.test("parsePeakResident() reads the peak from the status of a Linux process", () => {
  assert.equal(
    parsePeakResident("VmPeak:\t 9000 kB\nVmHWM:\t  1234 kB\nVmRSS:\t 99 kB\n"),
    1234 * 1024,
  );
  assert.equal(parsePeakResident("State:\tZ (zombie)\n"), undefined);
});
