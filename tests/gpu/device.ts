/**
 * The device that all tests of a file share, so that pipelines are compiled once.
 * `LETHE_MINIMUM_LIMITS=1` asks for WebGPU's guaranteed minimum limits and no optional feature.
 */

import { openGpu } from "../../src/gpu/gpu.ts";

function minimumLimitsWanted(): boolean {
  try {
    return Deno.env.get("LETHE_MINIMUM_LIMITS") === "1";
  } catch {
    return false; // Without permission to read the environment.
  }
}

/** An open device. */
export const gpu = await openGpu({ minimumLimits: minimumLimitsWanted() });
