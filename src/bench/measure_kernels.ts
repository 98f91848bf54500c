/** The kernels of recorded steps, one by one: checked where they are convolutions, then timed. */

import type { Gpu } from "../gpu/gpu.ts";
import type { Program } from "../tensor/program.ts";
import type { Step } from "../tensor/tape.ts";
import { uploadImages } from "../train/image_store.ts";
import { checkConvolution } from "./check_convolution.ts";
import { fusionsOf, type KernelFacts, kernelFacts } from "./kernel_facts.ts";
import type { Peak } from "./peak.ts";
import { summarize } from "./statistics.ts";
import { benchArchitecture, benchImages, createBenchTrainer, createNetworks } from "./workload.ts";

/** What was measured of one kernel. */
export interface KernelResult {
  /** The network whose step it is part of. */
  readonly arch: string;
  /** For example `convolution forward`. */
  readonly name: string;
  readonly shape: string;
  /** Of a convolution: which kernel family. */
  readonly variant?: string;
  /** Of a convolution: what it does besides. */
  readonly fusions?: readonly string[];
  /** How often it runs in one step. */
  readonly perStep: { readonly train: number; readonly nad: number };
  /** Median time of one run, by itself. */
  readonly milliseconds: number;
  /** {@linkcode Summary.spread} of that time. */
  readonly spread: number;
  /** Of a convolution. */
  readonly gflops?: number;
  /** Of a convolution: `gflops` as a share of the arithmetic peak just before and after. */
  readonly shareOfPeak?: number;
  /** Bytes of its tensors over its time. */
  readonly gigabytesPerSecond: number;
}

/** Which kernels, and by which measure. */
export interface KernelOptions {
  readonly arch: string;
  readonly batchSize: number;
  readonly peak: Peak;
  /** Only kernels whose description has this text in it. */
  readonly filter: string;
  readonly onProgress: (text: string) => void;
}

/** Times that each kernel is timed. */
const PASSES = 5;

/** Checks and times every distinct kernel of a training step and of a distillation step. */
export async function measureKernels(gpu: Gpu, options: KernelOptions): Promise<KernelResult[]> {
  const { arch, batchSize } = options;
  using scope = gpu.scope();
  const networks = scope.own(createNetworks(gpu, benchArchitecture(arch)));
  const store = scope.own(uploadImages(gpu, benchImages(batchSize)));
  const create = (step: "train" | "nad") =>
    scope.own(createBenchTrainer(gpu, step, networks, store, { batchSize, steps: 1 }));
  const trainers = { train: create("train"), nad: create("nad") };
  // Gives every buffer the values of a real step.
  for (const trainer of Object.values(trainers)) await trainer.runEpoch(0);
  const results: KernelResult[] = [];
  for (const entry of distinctKernels(trainers.train.program, trainers.nad.program)) {
    const facts = kernelFacts(entry.step);
    const text = describeKernel(facts);
    if (!text.toLowerCase().includes(options.filter.toLowerCase())) continue;
    options.onProgress(`kernel ${text}`);
    if (facts.convolution) await checkConvolution(gpu, entry.step, facts.convolution);
    const { peak } = options;
    const probe = async () => facts.convolution ? [await peak.probe()] : [];
    const before = await probe();
    const times = await peak.timer.time([entry.program.dispatches[entry.index]!], PASSES);
    const peaks = [...before, ...await probe()];
    results.push(kernelResult(facts, { arch, perStep: entry.perStep, times, peaks }));
  }
  return results;
}

interface DistinctKernel {
  readonly step: Step;
  readonly program: Program;
  /** Of the step's dispatch in `program`. */
  readonly index: number;
  readonly perStep: { train: number; nad: number };
}

/** Kernels with the same text are one kernel; in the order in which a distillation step has them. */
function distinctKernels(train: Program, nad: Program): DistinctKernel[] {
  const kernels = new Map<string, DistinctKernel>();
  for (const [step, program] of [["nad", nad], ["train", train]] as const) {
    for (const [index, recorded] of program.steps.entries()) {
      const known = kernels.get(recorded.kernel.wgsl) ??
        { step: recorded, program, index, perStep: { train: 0, nad: 0 } };
      known.perStep[step]++;
      kernels.set(recorded.kernel.wgsl, known);
    }
  }
  return [...kernels.values()];
}

function describeKernel(facts: KernelFacts): string {
  const { name, shape, convolution } = facts;
  return [name, shape, convolution?.variant, ...fusionsOf(convolution)].filter(Boolean).join(" ");
}

function kernelResult(
  facts: KernelFacts,
  { arch, perStep, times, peaks }: Pick<KernelResult, "arch" | "perStep"> & {
    readonly times: readonly number[];
    /** Of a convolution: the peak before and after, GFLOP/s. */
    readonly peaks: readonly number[];
  },
): KernelResult {
  const { median, spread } = summarize(times);
  const { name, shape, bytes, flops, convolution } = facts;
  const gflops = flops === undefined ? undefined : flops / median / 1e6;
  return {
    arch,
    name,
    shape,
    ...convolution ? { variant: convolution.variant, fusions: fusionsOf(convolution) } : {},
    perStep,
    milliseconds: median,
    spread,
    ...gflops === undefined ? {} : { gflops, shareOfPeak: gflops / summarize(peaks).median },
    gigabytesPerSecond: bytes / median / 1e6,
  };
}
