/** Devices on which one kernel family convolves, whatever the adapter would choose. */

import { openDevice } from "../../src/gpu/adapter.ts";
import { Gpu } from "../../src/gpu/gpu.ts";

/** The kernel families of `shaders/convolution`. */
export const VARIANTS = ["plain", "tiled", "subgroup"] as const;

/** One of them. */
export type Variant = typeof VARIANTS[number];

/**
 * Opens a device of its own with WebGPU's guaranteed minimum limits, and for `subgroup` with all that
 * the adapter offers; undefined where the adapter has no subgroups that these kernels are for.
 */
export async function openVariant(variant: Variant): Promise<Gpu | undefined> {
  const { device, description } = await openDevice({ minimumLimits: variant !== "subgroup" });
  if (variant === "subgroup" && ![8, 16].includes(description.subgroupSize)) {
    device.destroy();
    return undefined;
  }
  return new Gpu(device, {
    ...description,
    software: variant !== "tiled",
    // Where `plain` is the only family without subgroups.
    openGl: variant === "plain",
  });
}
