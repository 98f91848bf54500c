/** Timing the candidates of each convolution on the device at hand. */

import { sumPartsKernel } from "../../shaders/reduction.ts";
import {
  candidateName,
  type ConvolutionBinding,
  convolutionBindings,
  type ConvolutionUse,
  outputExtent,
} from "../../shaders/convolution/use.ts";
import type { ConvolutionKernel } from "../../shaders/convolution/variant.ts";
import { type Candidate, candidates } from "../../shaders/convolution/variants.ts";
import { DeviceError, DeviceLostError } from "../errors.ts";
import { useKey } from "../gpu/choice_table.ts";
import type { BufferRange, Dispatch, Gpu } from "../gpu/gpu.ts";
import { createDispatchTimer, type DispatchTimer } from "./dispatch_timer.ts";

/** Candidates of a use that are timed. */
const MOST_CANDIDATES = 8;

/** Times that each candidate is timed; the least counts, since others only ever add time. */
const ROUNDS = 3;

/** What timing found of a candidate. */
export interface TimedCandidate {
  /** Of the kernel, among those of its use. */
  readonly name: string;
  /** Milliseconds of one run; infinite where it failed. */
  readonly milliseconds: number;
}

/** A use whose candidates were timed. */
export interface TunedUse {
  /** Which convolution. */
  readonly use: ConvolutionUse;
  /** The default first. */
  readonly candidates: readonly TimedCandidate[];
  /** The fastest; undefined where all failed. */
  readonly chosen: TimedCandidate | undefined;
}

/**
 * Times the candidates of those `uses` that have no choice yet, and enters the fastest into
 * `gpu.choices`. A candidate that the device refuses loses, and ends nothing.
 */
export async function tune(
  gpu: Gpu,
  uses: readonly ConvolutionUse[],
  onTuned?: (tuned: TunedUse, done: number, total: number) => void,
): Promise<void> {
  const unknown = uses.filter((use) => gpu.choices.find(use) === undefined);
  let timer: DispatchTimer | undefined;
  try {
    for (const [i, use] of unknown.entries()) {
      const timed: TimedCandidate[] = [];
      for (const candidate of candidates(use, gpu.capabilities)) {
        if (timed.length === MOST_CANDIDATES) break;
        const name = candidateName(candidate.kernel.convolution);
        const milliseconds = await attempt(gpu, candidate, async (dispatches) => {
          timer ??= await createDispatchTimer(gpu, dispatches[0]!);
          return Math.min(...await timer.time(dispatches, ROUNDS));
        });
        timed.push({ name, milliseconds });
      }
      const [fastest] = timed.toSorted((a, b) => a.milliseconds - b.milliseconds);
      const chosen = fastest && Number.isFinite(fastest.milliseconds) ? fastest : undefined;
      if (chosen) gpu.choices.set(useKey(use), chosen.name);
      onTuned?.({ use, candidates: timed, chosen }, i + 1, unknown.length);
    }
  } finally {
    timer?.destroy();
  }
}

/** Runs `time` on a candidate in buffers of its own; infinite where the device refuses it. */
async function attempt(
  gpu: Gpu,
  candidate: Candidate,
  time: (dispatches: readonly Dispatch[]) => Promise<number>,
): Promise<number> {
  const owned: BufferRange[] = [];
  try {
    return await gpu.attempt(() => time(dispatchesOf(gpu, candidate, owned)));
  } catch (error) {
    if (error instanceof DeviceError && !(error instanceof DeviceLostError)) return Infinity;
    throw error;
  } finally {
    for (const range of owned) gpu.destroyBuffer(range);
  }
}

/** The kernel, and the sum of its parts where it writes parts. */
function dispatchesOf(
  gpu: Gpu,
  { kernel, parts }: Candidate,
  owned: BufferRange[],
): Dispatch[] {
  const { reads, writes } = convolutionBindings(kernel.convolution);
  const own = (elements: number, label: string) => {
    const range = gpu.createBuffer(elements * 4, label);
    owned.push(range);
    return range;
  };
  const bind = (names: readonly ConvolutionBinding[]) =>
    names.map((name) => own(elementsOf(kernel, parts, name), name));
  const results = bind(writes);
  const dispatches = [gpu.prepare(kernel, bind(reads), results)];
  if (kernel.convolution.direction === "weightGradient" && parts > 1) {
    const weights = elementsOf(kernel, 1, "dw");
    const sum = sumPartsKernel(parts, weights);
    dispatches.push(gpu.prepare(sum, results, [own(weights, "sum")]));
  }
  return dispatches;
}

/** Elements of what a kernel binds under a name. */
function elementsOf(
  { convolution: { geometry: g } }: ConvolutionKernel,
  parts: number,
  name: ConvolutionBinding,
): number {
  const out = outputExtent(g);
  const input = g.batch * g.inChannels * g.height * g.width;
  const output = g.batch * g.outChannels * out.height * out.width;
  const weights = g.outChannels * g.inChannels * g.kernelSize ** 2;
  const elements: Record<ConvolutionBinding, number> = {
    x: input,
    dx: input,
    addend: input,
    y: output,
    dy: output,
    residual: output,
    w: weights,
    dw: parts * weights,
    coefficients: 4 * g.inChannels,
    statistics: parts * g.outChannels * 2,
    sums: parts * g.inChannels * 2,
  };
  return elements[name];
}
