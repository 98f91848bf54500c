/** `deno task doctor`: what this machine offers, whether its kernels are right, and how fast. */

import { KNOWN_ADAPTERS } from "../src/doctor/known_adapters.ts";
import { measureTimings, type Timings } from "../src/doctor/timings.ts";
import { type CheckResult, selfTest } from "../src/doctor/self_test.ts";
import { DeviceError, NoAdapterError } from "../src/errors.ts";
import type { AdapterDescription } from "../src/gpu/adapter.ts";
import type { Gpu } from "../src/gpu/gpu.ts";
import { RECIPES } from "../src/defenses/recipes.ts";
import { useKey } from "../src/gpu/choice_table.ts";
import { wideResNet } from "../src/nn/wide_resnet.ts";
import { choicesPath, loadChoices, saveChoices } from "../src/tuning/choices_file.ts";
import { convolutionUses } from "../src/tuning/convolution_uses.ts";
import { tune as tuneConvolutions } from "../src/tuning/tune.ts";
import { VERSION } from "../src/version.ts";
import { adapterLine, missingAdapterAdvice, openAdvisedGpu } from "../src/jobs/open_gpu.ts";
import type { Output } from "./command_line/output.ts";
import { defineCommand } from "./command_line/command.ts";

/** What `doctor --json` prints. */
interface DoctorDocument {
  readonly lethe: string;
  readonly deno: string;
  /** Operating system and processor. */
  readonly system: string;
  /** Null where there is none. */
  readonly adapter: AdapterDescription | null;
  readonly checks: readonly CheckResult[];
  /** Kernels that timing has chosen here, in place of the defaults. */
  readonly tuning: readonly ChosenKernel[];
  /** Null where they were not asked for or could not be taken. */
  readonly timings: Timings | null;
  /** What could be better, and how. */
  readonly advice: readonly string[];
}

const SOFTWARE_ADVICE =
  "this driver computes on the CPU, which works but is slow: where there is a GPU, install its " +
  "driver";

const WIDER_VECTORS_ADVICE =
  "where the processor has AVX-512, LP_NATIVE_VECTOR_WIDTH=512 makes this driver 1.3 times as fast; " +
  "./run sets it there";

const NO_SUBGROUPS_ADVICE =
  "this software driver has no subgroup operations of one size, for which the fast kernels of " +
  "software drivers are written: a newer driver may have them" +
  (Deno.build.os === "linux"
    ? ", or OpenGL has taken the place of a missing Vulkan driver (DENO_WEBGPU_BACKEND=vulkan tells)"
    : "");

const WRONG_RESULTS_ADVICE =
  "the kernels give wrong results: install another version of the driver";

/** Images of the network that `--tune` times kernels for: the usual batch of the usual size. */
const TUNED_IMAGES = { batch: RECIPES.lethe.batchSize, height: 32, width: 32 };

/** Looks at this machine. */
export const doctor = defineCommand({
  name: "doctor",
  summary: "Says which GPU and driver are in use, checks the kernels on them and times them.",
  examples: ["", "--json", "--no-timings", "--tune"],
  async run({ output }, flags) {
    const { os, arch } = Deno.build;
    const versions = { lethe: VERSION, deno: Deno.version.deno, system: `${os} ${arch}` };
    output.result(`Lethe ${versions.lethe}, Deno ${versions.deno}, ${versions.system}`);
    using gpu = await openAdvisedGpu().catch((error) => {
      if (error instanceof NoAdapterError) {
        const nothing = { adapter: null, checks: [], tuning: [], timings: null };
        const advice = [missingAdapterAdvice()];
        output.document({ ...versions, ...nothing, advice } satisfies DoctorDocument);
      }
      throw error;
    });
    const { adapter } = gpu;
    output.result(adapterText(adapter));
    const checks = await selfTest(gpu);
    output.result(checks.map(checkText).join("\n"));
    const right = checks.every(({ passed }) => passed);
    if (flags.resetTuning) await resetTuning(output);
    const tuning = await tunedKernels(gpu, output, Boolean(flags.timeKernels) && right);
    const measured = flags.timings && right ? await timed(gpu, output) : null;
    const advice = [
      ...adapter.software ? [SOFTWARE_ADVICE] : [],
      ...adapter.name.startsWith("llvmpipe") && adapter.subgroupSize === 8
        ? [WIDER_VECTORS_ADVICE]
        : [],
      ...adapter.software && adapter.subgroupSize === 0 ? [NO_SUBGROUPS_ADVICE] : [],
      ...right ? [] : [WRONG_RESULTS_ADVICE],
    ];
    for (const text of advice) output.result(`advice: ${text}`);
    output.document(
      { ...versions, adapter, checks, tuning, timings: measured, advice } satisfies DoctorDocument,
    );
    if (!right) {
      const wrong = checks.filter(({ passed }) => !passed).map(({ name }) => name);
      throw new DeviceError(`${adapter.name} computes wrong results: ${wrong.join("; ")}`);
    }
  },
});

/** A choice of timing: the name of a kernel. */
interface ChosenKernel {
  readonly convolution: string;
  readonly candidate: string;
}

/** Loads what timing chose before; with `tune`, times everything anew and saves it. */
async function tunedKernels(gpu: Gpu, output: Output, tune: boolean): Promise<ChosenKernel[]> {
  const path = choicesPath();
  if (tune) {
    const uses = convolutionUses(wideResNet(16, 1, 10), TUNED_IMAGES, gpu.capabilities);
    await tuneConvolutions(gpu, uses, ({ use, chosen, candidates }, done, total) => {
      output.progress(`timing kernels: ${done} of ${total}`);
      if (!chosen) return output.result(`${useKey(use)}: no kernel runs on this device`);
      const gain = candidates[0]!.milliseconds / chosen.milliseconds;
      output.result(
        `${useKey(use)}: ${chosen.name} of ${candidates.length}, ` +
          `${chosen.milliseconds.toFixed(3)} ms, ${gain.toFixed(2)} times the default's speed`,
      );
    });
    if (path !== undefined) await saveChoices(gpu, path);
  } else if (path !== undefined) {
    await loadChoices(gpu, path);
  }
  const choices = [...gpu.choices].map(([convolution, candidate]) => ({ convolution, candidate }));
  output.result(
    choices.length === 0
      ? "kernels: the defaults; --tune times them"
      : `kernels: ${choices.length} chosen by timing (${path})`,
  );
  return choices;
}

async function resetTuning(output: Output): Promise<void> {
  const path = choicesPath();
  if (path === undefined) return;
  try {
    await Deno.remove(path);
    output.result(`removed ${path}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function timed(gpu: Gpu, output: Output): Promise<Timings> {
  output.progress("measuring speed");
  const timings = await measureTimings(gpu);
  output.end();
  output.result(
    `3x3 convolution ${timings.convolutionGflops.toFixed(1)} GFLOP/s; WRN-16-1 at batch 64: ` +
      `training ${timings.trainingImagesPerSecond.toFixed(0)} images/s, evaluation ` +
      `${timings.evaluationImagesPerSecond.toFixed(0)} images/s, ` +
      `${timings.compileSeconds.toFixed(1)} s to compile`,
  );
  for (const known of KNOWN_ADAPTERS) {
    const share = timings.trainingImagesPerSecond / known.trainingImagesPerSecond;
    output.result(
      `  training is ${share.toFixed(2)} times as fast as on ${known.name} ` +
        `(${known.trainingImagesPerSecond} images/s, ${known.measured})`,
    );
  }
  return timings;
}

function adapterText(adapter: AdapterDescription): string {
  const limits = Object.entries(adapter.limits).map(([name, value]) => `  ${name} ${value}`);
  return [
    `GPU: ${adapterLine(adapter)}${adapter.software ? " (software)" : ""}`,
    `features: ${adapter.features.join(", ") || "none"}`,
    `subgroups: ${adapter.subgroupSize > 0 ? `${adapter.subgroupSize} invocations` : "none"}`,
    "limits:",
    ...limits,
  ].join("\n");
}

function checkText({ name, error, passed }: CheckResult): string {
  return `${passed ? "right" : "WRONG"}: ${name} (relative error ${error.toExponential(1)})`;
}
