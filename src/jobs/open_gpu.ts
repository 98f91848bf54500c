/** Opening the GPU for a command: what to install where there is none, and which of several it is. */

import { messageOf, NoAdapterError } from "../errors.ts";
import type { AdapterDescription } from "../gpu/adapter.ts";
import { type Gpu, openGpu } from "../gpu/gpu.ts";

/** What to install where no adapter is found, by operating system. */
const ADVICE: Partial<Record<typeof Deno.build.os, string>> = {
  linux: "install the Vulkan driver of your GPU (NVIDIA: libvulkan1 beside its driver), or the " +
    "software driver: apt-get install mesa-vulkan-drivers",
  darwin: "macOS needs no driver: check that the Mac supports Metal",
  windows: "install the newest driver of your GPU (Direct3D 12)",
};

/** The one thing to install or check where no adapter is found. */
export function missingAdapterAdvice(): string {
  return ADVICE[Deno.build.os] ?? "install a Vulkan driver";
}

/**
 * Opens the best device of this machine.
 *
 * @throws {NoAdapterError} when there is none, with {@linkcode missingAdapterAdvice}.
 */
export async function openAdvisedGpu(): Promise<Gpu> {
  try {
    return await openGpu();
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error;
    const text = `${messageOf(error)}; ${missingAdapterAdvice()}`;
    throw new NoAdapterError(text, { cause: error });
  }
}

/** The adapter's name, and which others the machine has. */
export function adapterLine({ name, others }: AdapterDescription): string {
  return others.length === 0
    ? `${name}, the only adapter`
    : `${name}, one of ${others.length + 1} adapters (also: ${others.join(", ")})`;
}
