/** Finding an adapter and asking it for a device with everything that it offers. */

import { NoAdapterError } from "../errors.ts";

/** How to choose and limit the device. */
export interface AdapterOptions {
  /**
   * Ask for WebGPU's guaranteed minimum limits and no optional feature, whatever the adapter
   * offers: shows that a program would run on the most modest adapter. Default false.
   */
  readonly minimumLimits?: boolean;
  /** WebGPU's hint for machines with two GPUs. */
  readonly powerPreference?: "low-power" | "high-performance";
}

/** What is known of an adapter. */
export interface AdapterDescription {
  /** For example "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly name: string;
  /** Vendor and architecture as the driver gives them; may be empty. */
  readonly vendor: string;
  /** True for a driver that computes on the CPU. */
  readonly software: boolean;
  /** Optional features of the device, sorted. */
  readonly features: readonly string[];
  /** Invocations of a subgroup; 0 where subgroup operations cannot be used. */
  readonly subgroupSize: number;
  /** Limits of the device that kernels depend on. */
  readonly limits: {
    readonly maxComputeInvocationsPerWorkgroup: number;
    readonly maxComputeWorkgroupStorageSize: number;
    readonly maxComputeWorkgroupsPerDimension: number;
    readonly maxStorageBuffersPerShaderStage: number;
    readonly maxStorageBufferBindingSize: number;
    readonly maxBufferSize: number;
  };
}

const LIMITS = [
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBuffersPerShaderStage",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
] as const;

const OPTIONAL_FEATURES = ["timestamp-query"] as const;

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
 * Opens a device on the best adapter. Subgroup operations are asked for even where the adapter does
 * not list them, since some drivers accept the request all the same.
 *
 * @throws {NoAdapterError} when there is no adapter, naming the one thing to install.
 */
export async function openDevice(
  options: AdapterOptions = {},
): Promise<{ device: GPUDevice; description: AdapterDescription }> {
  const adapter = await navigator.gpu?.requestAdapter(
    options.powerPreference === undefined ? {} : { powerPreference: options.powerPreference },
  );
  if (!adapter) {
    throw new NoAdapterError(
      `cannot open a GPU device: no WebGPU adapter was found; ${missingAdapterAdvice()}`,
    );
  }
  const requiredLimits = options.minimumLimits
    ? {}
    : Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const features: string[] = options.minimumLimits
    ? []
    : OPTIONAL_FEATURES.filter((name) => adapter.features.has(name));
  const request = (names: string[]) =>
    adapter.requestDevice({ requiredFeatures: names as GPUFeatureName[], requiredLimits });
  let device: GPUDevice | undefined;
  let subgroups = false;
  if (!options.minimumLimits) {
    try {
      device = await request([...features, "subgroups"]);
      subgroups = true;
    } catch {
      // Refused: the device is asked for again without subgroups.
    }
  }
  device ??= await request(features);
  return { device, description: describe(adapter, device, subgroups) };
}

function describe(
  adapter: GPUAdapter,
  device: GPUDevice,
  subgroups: boolean,
): AdapterDescription {
  const info = adapter.info;
  // A size that may vary between kernels is of no use to kernels written for one size.
  const fixedSize = info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : 0;
  const limits = device.limits;
  return {
    name: info.description || info.device || "unknown adapter",
    vendor: [info.vendor, info.architecture].filter((part) => part !== "").join(" "),
    software: info.isFallbackAdapter,
    features: [...device.features].sort(),
    subgroupSize: subgroups ? fixedSize : 0,
    limits: {
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
    },
  };
}
