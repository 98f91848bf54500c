/** Finding an adapter and asking it for a device with everything that it offers. */

import { NoAdapterError } from "../errors.ts";

/** How to choose and limit the device. */
export interface AdapterOptions {
  /**
   * Ask for WebGPU's guaranteed minimum limits and no optional feature, whatever the adapter
   * offers: shows that a program would run on the most modest adapter. Default false.
   */
  readonly minimumLimits?: boolean;
  /** Which GPU of a machine with two; default `high-performance`. */
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
  /** True for a software driver that is reached through OpenGL, as far as that can be told. */
  readonly openGl: boolean;
  /** Optional features of the device, sorted. */
  readonly features: readonly string[];
  /** Invocations of a subgroup; 0 where subgroup operations cannot be used. */
  readonly subgroupSize: number;
  /** Whether WGSL with subgroup operations must begin with `enable subgroups;` here. */
  readonly enableSubgroups: boolean;
  /** Names of the machine's other adapters, as far as WebGPU shows them. */
  readonly others: readonly string[];
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

/** What a program gets from whatever reads WGSL that begins with the directive for subgroups. */
const DIRECTIVE_PROBE = "enable subgroups;\n@compute @workgroup_size(1) fn main() {}";

/**
 * Opens a device on the best adapter. Subgroup operations are asked for even where the adapter does
 * not list them, since some drivers accept the request all the same.
 *
 * @throws {NoAdapterError} when there is no adapter.
 */
export async function openDevice(
  options: AdapterOptions = {},
): Promise<{ device: GPUDevice; description: AdapterDescription }> {
  const { powerPreference = "high-performance" } = options;
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference });
  if (!adapter) {
    throw new NoAdapterError(
      "cannot open a GPU device: no WebGPU adapter was found, expected a driver for Vulkan, Metal " +
        "or Direct3D 12",
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
  const enableSubgroups = subgroups && await accepts(device, DIRECTIVE_PROBE);
  const others = await otherAdapters(adapter);
  const description = describe(adapter, device, { subgroups, enableSubgroups, others });
  return { device, description };
}

/** Whether a WGSL text is valid to the device. */
async function accepts(device: GPUDevice, code: string): Promise<boolean> {
  device.pushErrorScope("validation");
  device.createShaderModule({ code });
  return await device.popErrorScope() === null;
}

/** The adapters that other preferences lead to; WebGPU has no list of them. */
async function otherAdapters(chosen: GPUAdapter): Promise<string[]> {
  const names = new Set<string>();
  const requests: GPURequestAdapterOptions[] = [
    { powerPreference: "low-power" },
    { powerPreference: "high-performance" },
    { forceFallbackAdapter: true },
  ];
  for (const request of requests) {
    const adapter = await navigator.gpu.requestAdapter(request);
    if (adapter) names.add(adapterName(adapter));
  }
  names.delete(adapterName(chosen));
  return [...names];
}

function adapterName({ info }: GPUAdapter): string {
  // A browser may hide the name: then vendor and architecture say more than nothing.
  return info.description || info.device || vendorOf(info) || "unknown adapter";
}

function vendorOf(info: GPUAdapterInfo): string {
  return [info.vendor, info.architecture].filter((part) => part !== "").join(" ");
}

function describe(
  adapter: GPUAdapter,
  device: GPUDevice,
  { subgroups, enableSubgroups, others }: {
    subgroups: boolean;
    enableSubgroups: boolean;
    others: readonly string[];
  },
): AdapterDescription {
  const info = adapter.info;
  // A size that may vary between kernels is of no use to kernels written for one size.
  const fixedSize = info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : 0;
  const limits = device.limits;
  const software = info.isFallbackAdapter ?? false;
  return {
    name: adapterName(adapter),
    vendor: vendorOf(info),
    software,
    // WebGPU does not say so, but OpenGL does not know the size of subgroups.
    openGl: software && info.subgroupMinSize !== info.subgroupMaxSize,
    features: [...device.features].sort(),
    subgroupSize: subgroups ? fixedSize ?? 0 : 0,
    enableSubgroups,
    others,
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
