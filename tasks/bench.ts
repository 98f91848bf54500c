/** `deno task bench`: how fast the kernels, whole steps and whole processes are on this machine. */

import { type KernelResult, measureKernels } from "../src/bench/measure_kernels.ts";
import {
  measureSteps,
  type StepName,
  stepRatio,
  type StepRequest,
  type StepResult,
} from "../src/bench/measure_steps.ts";
import { measurePeak } from "../src/bench/peak.ts";
import { type PeerRatio, peerRatios, type Peers, runPeers } from "../src/bench/peers.ts";
import {
  type FirstStepSeconds,
  measureFirstStep,
  measurePeakMemory,
} from "../src/bench/processes.ts";
import {
  batchSizeTable,
  firstStepText,
  groupTable,
  kernelTable,
  peersText,
  stepTable,
} from "../src/bench/tables.ts";
import { benchArchitecture } from "../src/bench/workload.ts";
import { Interrupted, UsageError } from "../src/errors.ts";
import { openGpuFor } from "../src/jobs/load.ts";
import type { Output } from "./command_line/output.ts";
import { defineCommand } from "./command_line/command.ts";

/** What `--json` prints. */
interface BenchDocument {
  readonly adapter: string;
  readonly arch: string;
  readonly batchSize: number;
  readonly peakGflops: number | null;
  readonly steps: Readonly<Partial<Record<StepName, StepResult>>>;
  /** Time of a distillation step in training steps. */
  readonly nadOverTrain: number | null;
  readonly kernels: readonly KernelResult[];
  readonly firstStepSeconds: FirstStepSeconds | null;
  readonly peakMemoryBytes: number | null;
  /** With `--batch-sizes`. */
  readonly batchSizes?: readonly StepResult[];
  /** With `--peers`. */
  readonly peers?: { readonly imagesPerSecond: Peers; readonly ratios: readonly PeerRatio[] };
}

const STEPS: readonly StepName[] = ["train", "nad", "evaluate"];

/** The larger network whose layers `--all` adds. */
const LARGER_ARCHITECTURE = "wrn-40-2";

/** Times this machine. */
export const bench = defineCommand({
  name: "bench",
  summary:
    "Speed of every kernel of a step, of whole steps, of the first step, and the memory of a run.",
  examples: [
    "--json > bench.json",
    '--filter "convolution weight"',
    "--filter nad --batch-sizes 16,64,256",
  ],
  async run({ output, signal }, flags) {
    const { newArch: arch, stepImages: batchSize, filter = "", seconds } = flags;
    benchArchitecture(arch);
    if (flags.peers !== undefined) expectScript(flags.peers);
    const wanted = (name: string) => name.includes(filter.toLowerCase());
    const enter = (name: string) => {
      if (signal.aborted) throw new Interrupted("stopped");
      output.progress(name);
    };
    using gpu = await openGpuFor(output);

    enter("peak");
    const peak = await measurePeak(gpu);
    const peakGflops = peak.gflops;
    output.result(`Arithmetic peak: ${peakGflops.toFixed(1)} GFLOP/s`);
    const kernels: KernelResult[] = [];
    for (const name of flags.all ? [arch, LARGER_ARCHITECTURE] : [arch]) {
      const onProgress = (text: string) => enter(`${name}: ${text}`);
      const options = { arch: name, batchSize, peak, filter, onProgress };
      const results = await measureKernels(gpu, options);
      kernels.push(...results);
      printKernels(output, name, results);
    }
    peak.destroy();

    const names = STEPS.filter(wanted);
    const requests: StepRequest[] = names.map((step) => ({ step, batchSize }));
    const sizes = flags.batchSizes ?? [];
    for (const size of sizes.filter((size) => size !== batchSize)) {
      // Evaluation chooses its own batch size.
      for (const step of names) if (step !== "evaluate") requests.push({ step, batchSize: size });
    }
    const results = await measureSteps(gpu, requests, { arch, seconds, onProgress: enter });
    const steps = Object.fromEntries(
      results.slice(0, names.length).map((step) => [step.step, step]),
    ) as Partial<Record<StepName, StepResult>>;
    const batchSizes = sizes.flatMap((size) =>
      results.filter((result) => result.step !== "evaluate" && result.batchSize === size)
    );
    const { train, nad } = steps;
    const nadOverTrain = train && nad ? stepRatio(nad, train) : null;
    if (names.length > 0) output.result("\n" + stepTable(Object.values(steps)));
    if (nadOverTrain !== null) {
      output.result(`A nad step is ${nadOverTrain.toFixed(2)} train steps`);
    }
    if (batchSizes.length > 0) output.result("\n" + batchSizeTable(batchSizes));

    // The processes below have the device to themselves.
    gpu.close();

    let firstStepSeconds: FirstStepSeconds | null = null;
    if (wanted("first step")) {
      enter("first step");
      firstStepSeconds = await measureFirstStep(gpu.adapter.name, arch, batchSize);
      output.result("\n" + firstStepText(firstStepSeconds));
    }
    let peakMemoryBytes: number | null = null;
    if (wanted("memory")) {
      enter("memory");
      peakMemoryBytes = await measurePeakMemory(arch, batchSize);
      output.result(`Peak memory of an erasure: ${(peakMemoryBytes / 1e6).toFixed(0)} MB`);
    }
    let peers: BenchDocument["peers"];
    if (flags.peers !== undefined) {
      enter("other libraries");
      const imagesPerSecond = await runPeers(flags.peers, batchSize, signal);
      peers = { imagesPerSecond, ratios: peerRatios(imagesPerSecond, steps) };
      output.result("\n" + peersText(peers.imagesPerSecond, peers.ratios));
    }
    const document: BenchDocument = {
      adapter: gpu.adapter.name,
      arch,
      batchSize,
      peakGflops,
      steps,
      nadOverTrain,
      kernels,
      firstStepSeconds,
      peakMemoryBytes,
      ...batchSizes.length > 0 ? { batchSizes } : {},
      ...peers ? { peers } : {},
    };
    output.document(document);
  },
});

function expectScript(folder: string): void {
  try {
    Deno.statSync(`${folder}/run.sh`);
  } catch {
    throw new UsageError(`cannot run ${folder}/run.sh: expected a script there that can be read`);
  }
}

function printKernels(output: Output, arch: string, kernels: readonly KernelResult[]): void {
  if (kernels.length === 0) return;
  output.result(`\n${arch}\n${kernelTable(kernels)}\n`);
  output.result(groupTable(kernels, "train") + "\n");
  output.result(groupTable(kernels, "nad"));
}
