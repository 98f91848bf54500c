/**
 * An adapter that computes nothing and remembers every pipeline that it is asked for, so that whole
 * jobs can be run for the sake of the kernels that they record.
 */

import { type Gpu, openGpu } from "../../src/gpu/gpu.ts";

/** What the adapter pretends to be. */
export interface PretendedAdapter {
  /** Its driver computes on the CPU. */
  readonly software: boolean;
  /** Least and most invocations of a subgroup; OpenGL does not know. */
  readonly subgroupSizes: readonly [number, number];
  /** Name of the driver. */
  readonly name: string;
}

/** A kernel as the device was given it. */
export interface RecordedKernel {
  readonly label: string;
  readonly code: string;
  /** Buffers that it reads, then those that it writes. */
  readonly bindings: readonly ("read-only-storage" | "storage")[];
}

/** WebGPU's guaranteed minimum. */
const LIMITS = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 134217728,
  maxBufferSize: 268435456,
};

interface Layout {
  readonly entries: readonly {
    readonly buffer: { readonly type: RecordedKernel["bindings"][0] };
  }[];
}

/** What is read back, repeated: not constant, for attention maps may not be, and finite. */
const CONTENT = Uint32Array.from({ length: 3 << 12 }, (_, i) => i % 3);

/** Buffers that tell of faults by numbers other than 0. */
const NO_FAULTS = ["metrics", "state"];

function device(kernels: Map<string, RecordedKernel>) {
  const buffer = ({ size, label = "" }: { size: number; label?: string }) => ({
    size,
    label,
    content: undefined as ArrayBuffer | undefined,
    destroy() {},
    mapAsync: () => Promise.resolve(),
    getMappedRange() {
      return this.content ?? new ArrayBuffer(size);
    },
  });
  type Buffer = ReturnType<typeof buffer>;
  const pass = {
    setPipeline() {},
    setBindGroup() {},
    dispatchWorkgroups() {},
    end() {},
  };
  return {
    features: new Set<string>(),
    limits: LIMITS,
    lost: new Promise(() => {}),
    addEventListener() {},
    pushErrorScope() {},
    popErrorScope: () => Promise.resolve(null),
    destroy() {},
    queue: {
      submit() {},
      writeBuffer() {},
      onSubmittedWorkDone: () => Promise.resolve(),
    },
    createBuffer: buffer,
    createBindGroup: () => ({}),
    createBindGroupLayout: (layout: Layout) => layout,
    createPipelineLayout: ({ bindGroupLayouts: [layout] }: { bindGroupLayouts: [Layout] }) =>
      layout,
    createShaderModule: (module: { code: string }) => module,
    createComputePipeline({ label, layout, compute }: {
      label: string;
      layout: Layout;
      compute: { module: { code: string } };
    }) {
      const { code } = compute.module;
      kernels.set(code, {
        label,
        code,
        bindings: layout.entries.map((entry) => entry.buffer.type),
      });
      return {};
    },
    createCommandEncoder: () => ({
      beginComputePass: () => pass,
      copyBufferToBuffer(from: Buffer, _offset: number, to: Buffer, at: number, size: number) {
        to.content ??= new ArrayBuffer(to.size);
        if (NO_FAULTS.includes(from.label)) return;
        const end = at + size;
        for (; at < end; at += CONTENT.byteLength) {
          const part = CONTENT.subarray(0, Math.min(CONTENT.length, (end - at) / 4));
          new Uint32Array(to.content, at, part.length).set(part);
        }
      },
      finish: () => ({}),
    }),
  };
}

/** Opens the pretended adapter; every new kernel text is entered into `kernels`. */
export async function openRecordingGpu(
  { software, subgroupSizes, name }: PretendedAdapter,
  kernels: Map<string, RecordedKernel>,
): Promise<Gpu> {
  const adapter = {
    features: new Set<string>(),
    limits: LIMITS,
    info: {
      description: name,
      vendor: "",
      architecture: "",
      device: "",
      isFallbackAdapter: software,
      subgroupMinSize: subgroupSizes[0],
      subgroupMaxSize: subgroupSizes[1],
    },
    requestDevice: () => Promise.resolve(device(kernels)),
  };
  const own = Object.getOwnPropertyDescriptor(navigator, "gpu");
  const value = { requestAdapter: () => Promise.resolve(adapter) };
  Object.defineProperty(navigator, "gpu", { value, configurable: true });
  try {
    return await openGpu();
  } finally {
    if (own) Object.defineProperty(navigator, "gpu", own);
    else Reflect.deleteProperty(navigator, "gpu");
  }
}
