/**
 * What can only be measured in a process of its own; `processes.ts` starts it with a job's name, an
 * architecture and a batch size. It prints one line when the job is done, its resident bytes, and
 * then waits to be looked at and killed.
 */

import { defend } from "../defenses/defend.ts";
import { nad } from "../defenses/nad.ts";
import { openGpu } from "../gpu/gpu.ts";
import { initialState } from "../nn/state.ts";
import { uploadImages } from "../train/image_store.ts";
import {
  benchArchitecture,
  benchDefense,
  benchImages,
  createBenchTrainer,
  createNetworks,
} from "./workload.ts";

/** Steps of each epoch of the erasure, and images that it evaluates. */
const ERASE_STEPS = 8;
const ERASE_TEST_IMAGES = 512;

/** Opens the device and trains for one step. */
async function firstStep(arch: string, batchSize: number): Promise<void> {
  const gpu = await openGpu();
  const networks = createNetworks(gpu, benchArchitecture(arch));
  const store = uploadImages(gpu, benchImages(batchSize));
  const trainer = createBenchTrainer(gpu, "train", networks, store, { batchSize, steps: 1 });
  await trainer.runEpoch(0);
}

/** The whole main job, with epochs of a few steps: evaluation, teacher, distillation. */
async function eraseShortly(arch: string, batchSize: number): Promise<void> {
  const gpu = await openGpu();
  const architecture = benchArchitecture(arch);
  const settings = benchDefense(batchSize);
  await defend(gpu, {
    defense: nad,
    student: { architecture, state: initialState(architecture, 1), source: "a fresh network" },
    clean: benchImages(ERASE_STEPS * batchSize),
    settings,
    measurement: {
      test: benchImages(ERASE_TEST_IMAGES),
      preprocessing: settings.training.preprocessing,
    },
  });
}

const [job, arch = "", batchSize] = Deno.args;
await (job === "erase" ? eraseShortly : firstStep)(arch, Number(batchSize));
console.log(Deno.memoryUsage().rss);
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(0);
