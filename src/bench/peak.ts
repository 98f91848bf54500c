/**
 * The adapter's arithmetic peak, as far as WGSL can reach it: multiply-adds on registers alone,
 * unrolled, in many independent chains, over all cores.
 */

import { declareBindings, type Kernel } from "../../shaders/kernel.ts";
import type { Dispatch, Gpu } from "../gpu/gpu.ts";
import { createDispatchTimer, type DispatchTimer } from "../tuning/dispatch_timer.ts";

const WORKGROUPS = 4096;
const INVOCATIONS = 64;

/** Multiply-adds in the body of the loop: enough that the loop itself costs nothing. */
const UNROLLED = 384;

const ROUNDS = 20;

/** Floating-point operations of one run. */
export const PEAK_FLOPS = 2 * WORKGROUPS * INVOCATIONS * UNROLLED * ROUNDS;

/**
 * Independent sums to try. Too few wait for each other, too many do not fit the registers; which
 * number is best depends on the processor.
 */
export const CHAINS: readonly number[] = [8, 12, 16, 24];

/** factor and addend (2) -> one value of each invocation, so that nothing can be left out. */
export function peakKernel(chains: number): Kernel {
  const names = Array.from({ length: chains }, (_, i) => `sum${i}`);
  const updates = Array.from({ length: UNROLLED }, (_, i) => {
    const name = names[i % chains]!;
    return `${name} = ${name} * factor + addend;`;
  });
  return {
    label: `multiply-add ${chains} chains`,
    workgroups: [WORKGROUPS, 1, 1],
    wgsl: `${
      declareBindings([{ name: "x", elements: 2 }], [
        { name: "y", elements: WORKGROUPS * INVOCATIONS },
      ])
    }
@compute @workgroup_size(${INVOCATIONS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let factor = x[0];
  let addend = x[1];
  ${names.map((name, i) => `var ${name} = f32(id.x + ${i}u);`).join("\n  ")}
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    ${updates.join("\n    ")}
  }
  y[id.x] = ${names.join(" + ")};
}`,
  };
}

/** Passes of each number of chains. */
const PASSES = 5;

/** The peak of an adapter. */
export interface Peak {
  /** At its best, GFLOP/s. */
  readonly gflops: number;
  /** With which it was measured. */
  readonly timer: DispatchTimer;
  /** The peak at this moment, GFLOP/s, in a tenth of a second or so: other programs take their share. */
  probe(): Promise<number>;
  destroy(): void;
}

/** Measures the peak. */
export async function measurePeak(gpu: Gpu): Promise<Peak> {
  const x = gpu.createBuffer(8, "peak factors");
  const y = gpu.createBuffer(4 * WORKGROUPS * INVOCATIONS, "peak sums");
  // Converges to 1, far from numbers that some processors are slow at.
  gpu.write(x, Float32Array.of(0.5, 0.5));
  const candidates: Dispatch[] = CHAINS.map((chains) => gpu.prepare(peakKernel(chains), [x], [y]));
  const timer = await createDispatchTimer(gpu, candidates[0]!);
  let best = { milliseconds: Infinity, dispatch: candidates[0]! };
  for (const dispatch of candidates) {
    const milliseconds = Math.min(...await timer.time([dispatch], PASSES));
    if (milliseconds < best.milliseconds) best = { milliseconds, dispatch };
  }
  const gflops = (milliseconds: number) => PEAK_FLOPS / milliseconds / 1e6;
  return {
    gflops: gflops(best.milliseconds),
    timer,
    probe: async () => gflops(await timer.once([best.dispatch], best.milliseconds)),
    destroy() {
      timer.destroy();
      gpu.destroyBuffer(x);
      gpu.destroyBuffer(y);
    },
  };
}
