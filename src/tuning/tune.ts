/** Timing the candidates of each convolution on the device at hand. */

import { type ConvolutionUse, outputExtent } from "../../shaders/convolution/variant.ts";
import {
  forwardCandidates,
  inputGradientCandidates,
  weightGradientCandidates,
} from "../../shaders/convolution/variants.ts";
import type { Kernel } from "../../shaders/kernel.ts";
import { sumPartsKernel } from "../../shaders/reduction.ts";
import { useKey } from "../gpu/choice_table.ts";
import type { BufferRange, Dispatch, Gpu } from "../gpu/gpu.ts";

/** Candidates of a use that are timed. */
const MOST_CANDIDATES = 8;

/** Times that each candidate is timed; the least counts, since others only ever add time. */
const ROUNDS = 3;

/** Seconds of one timing: long beside a fence, which takes 10 ms. */
const SECONDS = 0.05;

/** A use whose candidates were timed. */
export interface TunedUse {
  /** Which convolution. */
  readonly use: ConvolutionUse;
  /** Milliseconds of each candidate, the default first. */
  readonly milliseconds: readonly number[];
  /** Label of each candidate's kernel. */
  readonly labels: readonly string[];
  /** Index of the fastest. */
  readonly chosen: number;
}

/**
 * Times the candidates of those `uses` that have no choice yet, and enters the fastest into
 * `gpu.choices`.
 */
export async function tune(
  gpu: Gpu,
  uses: readonly ConvolutionUse[],
  onTuned?: (tuned: TunedUse, done: number, total: number) => void,
): Promise<void> {
  const unknown = uses.filter((use) => gpu.choices.find(use) === undefined);
  for (const [i, use] of unknown.entries()) {
    const tuned = await timeCandidates(gpu, use);
    gpu.choices.set(useKey(use), tuned.chosen);
    onTuned?.(tuned, i + 1, unknown.length);
  }
}

/** A candidate as dispatches need it: kernels and the elements of what each reads and writes. */
interface Candidate {
  readonly label: string;
  readonly passes: readonly {
    readonly kernel: Kernel;
    readonly reads: readonly string[];
    readonly writes: readonly string[];
  }[];
  /** Elements of buffers whose size depends on the candidate. */
  readonly sizes: Readonly<Record<string, number>>;
}

async function timeCandidates(gpu: Gpu, use: ConvolutionUse): Promise<TunedUse> {
  const owned: BufferRange[] = [];
  try {
    const shared = new Map<string, BufferRange>();
    for (const [name, elements] of Object.entries(sharedSizes(use))) {
      const range = gpu.createBuffer(elements * 4, name);
      owned.push(range);
      shared.set(name, range);
    }
    const labels: string[] = [];
    const milliseconds: number[] = [];
    for (const candidate of candidatesOf(gpu, use)) {
      const ranges = new Map(shared);
      for (const [name, elements] of Object.entries(candidate.sizes)) {
        const range = gpu.createBuffer(elements * 4, name);
        owned.push(range);
        ranges.set(name, range);
      }
      const dispatches = candidate.passes.map(({ kernel, reads, writes }) =>
        gpu.prepare(
          kernel,
          reads.map((name) => ranges.get(name)!),
          writes.map((name) => ranges.get(name)!),
        )
      );
      labels.push(candidate.label);
      milliseconds.push(await timeDispatches(gpu, dispatches));
    }
    const chosen = milliseconds.indexOf(Math.min(...milliseconds));
    return { use, labels, milliseconds, chosen };
  } finally {
    for (const range of owned) gpu.destroyBuffer(range);
  }
}

/** Elements of the buffers that every candidate of a use binds. */
function sharedSizes({ geometry: g }: ConvolutionUse): Record<string, number> {
  const out = outputExtent(g);
  const input = g.batch * g.inChannels * g.height * g.width;
  const output = g.batch * g.outChannels * out.height * out.width;
  return {
    x: input,
    dx: input,
    addend: input,
    y: output,
    dy: output,
    residual: output,
    w: g.outChannels * g.inChannels * g.kernelSize ** 2,
    dw: g.outChannels * g.inChannels * g.kernelSize ** 2,
    coefficients: 4 * g.inChannels,
  };
}

/** The candidates of a use with the bindings that `variant.ts` states. */
function* candidatesOf(gpu: Gpu, use: ConvolutionUse): Iterable<Candidate> {
  const { geometry, direction } = use;
  const { capabilities } = gpu;
  let count = 0;
  if (direction === "forward") {
    const { normaliseInput, addResidual, statistics } = use.fusion;
    const reads = [
      "x",
      "w",
      ...normaliseInput ? ["coefficients"] : [],
      ...addResidual ? ["residual"] : [],
    ];
    const writes = ["y", ...statistics ? ["statistics"] : []];
    for (const kernel of forwardCandidates(geometry, capabilities, use.fusion)) {
      const sizes = { statistics: Math.max(1, kernel.parts * geometry.outChannels * 2) };
      yield { label: kernel.label, passes: [{ kernel, reads, writes }], sizes };
      if (++count === MOST_CANDIDATES) return;
    }
  } else if (direction === "inputGradient") {
    const { addAddend, normalised } = use.fusion;
    const reads = [
      "dy",
      "w",
      ...addAddend ? ["addend"] : [],
      ...normalised ? ["x", "coefficients"] : [],
    ];
    const writes = ["dx", ...normalised ? ["sums"] : []];
    for (const kernel of inputGradientCandidates(geometry, capabilities, use.fusion)) {
      const sizes = { sums: Math.max(1, kernel.parts * geometry.inChannels * 2) };
      yield { label: kernel.label, passes: [{ kernel, reads, writes }], sizes };
      if (++count === MOST_CANDIDATES) return;
    }
  } else {
    const reads = ["x", "dy", ...use.fusion.normaliseInput ? ["coefficients"] : []];
    const weights = sharedSizes(use).w!;
    for (const candidate of weightGradientCandidates(geometry, capabilities, use.fusion)) {
      const { kernel, parts } = candidate;
      const sum = { kernel: sumPartsKernel(parts, weights), reads: ["partial"], writes: ["dw"] };
      yield {
        label: kernel.label,
        passes: [{ kernel, reads, writes: ["partial"] }, ...parts > 1 ? [sum] : []],
        sizes: { partial: parts * weights },
      };
      if (++count === MOST_CANDIDATES) return;
    }
  }
}

/** Milliseconds of one run through `dispatches`, warm. */
async function timeDispatches(gpu: Gpu, dispatches: readonly Dispatch[]): Promise<number> {
  const seconds = async (repetitions: number) => {
    const start = performance.now();
    gpu.submit(dispatches, repetitions);
    await gpu.finish();
    return (performance.now() - start) / 1000;
  };
  await seconds(1);
  const repetitions = Math.max(1, Math.min(1000, Math.round(SECONDS / await seconds(1))));
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    least = Math.min(least, await seconds(repetitions) / repetitions);
  }
  return least * 1000;
}
