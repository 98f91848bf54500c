/**
 * The device layer: buffers with an explicit life, a pipeline cache, batched submission, and faults
 * that reach the caller as error classes. It knows bytes and kernels, not tensors.
 *
 * A fence costs about 10 ms in Deno whatever the work (it polls), so nothing here waits except
 * {@linkcode Gpu.read} and {@linkcode Gpu.finish}.
 */

import type { Kernel } from "../../shaders/kernel.ts";
import type { KernelCapabilities } from "../../shaders/kernel.ts";
import {
  DeviceError,
  DeviceLostError,
  messageOf,
  OutOfMemoryError,
  ValidationError,
} from "../errors.ts";
import { type AdapterDescription, type AdapterOptions, openDevice } from "./adapter.ts";
import { ChoiceTable } from "./choice_table.ts";
import { type BufferRange, Scope } from "./scope.ts";

export type { BufferRange };

/** A kernel that is ready to run: its pipeline, its buffers, its workgroups. */
export interface Dispatch {
  /** Of the kernel. */
  readonly label: string;
  /** Compiled kernel, shared by all dispatches of one text. */
  readonly pipeline: GPUComputePipeline;
  /** Its buffers. */
  readonly bindGroup: GPUBindGroup;
  /** Along x, y and z. */
  readonly workgroups: readonly [number, number, number];
}

/** How often the expensive things happened since the device was opened. */
export interface GpuCounters {
  /** Kernels started. */
  dispatches: number;
  /** Batches of work handed to the driver. */
  submits: number;
  /** Times that the program waited for the GPU. */
  fences: number;
  /** Storage buffers made. */
  buffers: number;
  /** Bind groups made. */
  bindGroups: number;
  /** Kernels compiled. */
  pipelines: number;
  /** Bytes of all live buffers. */
  bytes: number;
  /** Largest value that `bytes` has had. */
  peakBytes: number;
}

/** Alignment of a bound range, bytes: WebGPU's guaranteed `minStorageBufferOffsetAlignment`. */
export const RANGE_ALIGNMENT = 256;

/** Most dispatches of one submission, whatever their speed. */
export const MAX_DISPATCHES = 20_000;

const STORAGE = 0x80; // GPUBufferUsage.STORAGE
const COPY = 0x4 | 0x8; // COPY_SRC | COPY_DST
const READBACK = 0x1 | 0x8; // MAP_READ | COPY_DST

/** An open device. Make one with {@linkcode openGpu}; {@linkcode Gpu.close} frees it. */
export class Gpu {
  /** Counters for benchmarks and for tests of what the step loop may not do. */
  readonly counters: GpuCounters = {
    dispatches: 0,
    submits: 0,
    fences: 0,
    buffers: 0,
    bindGroups: 0,
    pipelines: 0,
    bytes: 0,
    peakBytes: 0,
  };
  /** Milliseconds that encoding and submitting took since the device was opened. */
  submitMilliseconds = 0;
  /** Kernels that timing has chosen on this device; empty until `src/tuning` fills it. */
  readonly choices: ChoiceTable;
  /**
   * Seconds of GPU work in one submission. Windows resets a GPU that does not answer for two, and a
   * desktop that shares it stutters; a software driver disturbs nobody, and a fence costs 10 ms.
   */
  readonly submissionSeconds: number;
  /** What kernels may use here. */
  readonly capabilities: KernelCapabilities;
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #live = new Set<GPUBuffer>();
  #failure: DeviceError | undefined;
  #closed = false;

  /** Takes over `device`; use {@linkcode openGpu}. */
  constructor(
    /** The WebGPU device. */
    readonly device: GPUDevice,
    /** What the device is. */
    readonly adapter: AdapterDescription,
  ) {
    this.submissionSeconds = adapter.software ? 1.5 : 0.1;
    const offered = {
      subgroupSize: adapter.subgroupSize,
      maxInvocations: adapter.limits.maxComputeInvocationsPerWorkgroup,
      software: adapter.software,
      openGl: adapter.openGl,
    };
    this.choices = new ChoiceTable(offered);
    this.capabilities = { ...offered, choices: this.choices };
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#failure ??= deviceError((event as GPUUncapturedErrorEvent).error);
    });
    device.lost.then((info) => {
      if (!this.#closed) {
        this.#failure ??= new DeviceLostError(`the GPU device was lost: ${info.message}`);
      }
    });
  }

  /**
   * Throws what the device has reported since it was opened, if anything.
   *
   * @throws {DeviceError} of the fitting class.
   */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** An empty owner of buffers, which frees them where its block ends. */
  scope(): Scope {
    return new Scope(this);
  }

  /**
   * A zeroed storage buffer of `size` bytes, rounded up to a multiple of 4.
   *
   * @throws {OutOfMemoryError} where `size` is above the device's limit.
   */
  createBuffer(size: number, label: string): BufferRange {
    const limit = Math.min(
      this.adapter.limits.maxBufferSize,
      this.adapter.limits.maxStorageBufferBindingSize,
    );
    const bytes = Math.max(4, Math.ceil(size / 4) * 4);
    if (bytes > limit) {
      throw new OutOfMemoryError(
        `cannot make a buffer for ${label}: it needs ${bytes} bytes, ${this.adapter.name} allows ` +
          `${limit}; a smaller batch needs less`,
      );
    }
    const buffer = this.device.createBuffer({ label, size: bytes, usage: STORAGE | COPY });
    this.#live.add(buffer);
    this.counters.buffers++;
    this.counters.bytes += bytes;
    this.counters.peakBytes = Math.max(this.counters.peakBytes, this.counters.bytes);
    const range = { buffer, offset: 0, size: bytes };
    try {
      this.check();
    } catch (error) {
      this.destroyBuffer(range);
      throw error;
    }
    return range;
  }

  /** Frees a buffer made by {@linkcode createBuffer}; freeing it twice does nothing. */
  destroyBuffer(range: BufferRange): void {
    if (!this.#live.delete(range.buffer)) return;
    this.counters.bytes -= range.buffer.size;
    range.buffer.destroy();
  }

  /** Copies `data` (a multiple of 4 bytes) into the range, from its start or `offset` bytes on. */
  write(range: BufferRange, data: ArrayBufferView<ArrayBuffer>, offset = 0): void {
    if (offset + data.byteLength > range.size) {
      throw new RangeError(
        `cannot write ${data.byteLength} bytes at ${offset} into ${range.size} bytes`,
      );
    }
    // Deno panics where nothing is to be written.
    if (data.byteLength === 0) return;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.device.queue.writeBuffer(range.buffer, range.offset + offset, bytes);
  }

  /** Waits for all submitted work and returns the bytes of each range; one fence for all. */
  async read(...ranges: BufferRange[]): Promise<ArrayBuffer[]> {
    this.check();
    const total = ranges.reduce((sum, range) => sum + range.size, 0);
    const staging = this.device.createBuffer({ size: Math.max(4, total), usage: READBACK });
    try {
      const encoder = this.device.createCommandEncoder();
      let offset = 0;
      for (const range of ranges) {
        encoder.copyBufferToBuffer(range.buffer, range.offset, staging, offset, range.size);
        offset += range.size;
      }
      this.device.queue.submit([encoder.finish()]);
      this.counters.submits++;
      this.counters.fences++;
      await this.#settle(staging.mapAsync(1));
      const all = staging.getMappedRange();
      offset = 0;
      return ranges.map((range) => all.slice(offset, offset += range.size));
    } finally {
      staging.destroy();
    }
  }

  /** Waits until the GPU has done everything that was submitted. */
  async finish(): Promise<void> {
    this.counters.fences++;
    await this.#settle(this.device.queue.onSubmittedWorkDone());
  }

  /** Prepares `kernel` to run on the given buffers; pipelines are made once for each WGSL text. */
  prepare(
    kernel: Kernel,
    reads: readonly BufferRange[],
    writes: readonly BufferRange[],
  ): Dispatch {
    const layout = this.#layout(reads.length, writes.length);
    const pipeline = this.#pipeline(kernel, layout, `${reads.length},${writes.length}`);
    const bindGroup = this.device.createBindGroup({
      label: kernel.label,
      layout,
      entries: [...reads, ...writes].map((range, binding) => ({
        binding,
        resource: { buffer: range.buffer, offset: range.offset, size: range.size },
      })),
    });
    this.counters.bindGroups++;
    this.check();
    return { label: kernel.label, pipeline, bindGroup, workgroups: kernel.workgroups };
  }

  /**
   * Submits `repetitions` runs through `dispatches`, in order, a compute pass for each submission.
   *
   * @param most Dispatches of one submission: drivers reset a device that takes too long over one.
   */
  submit(dispatches: readonly Dispatch[], repetitions = 1, most = MAX_DISPATCHES): void {
    const start = performance.now();
    const total = dispatches.length * repetitions;
    for (let first = 0; first < total; first += most) {
      const encoder = this.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let i = first; i < Math.min(first + most, total); i++) {
        const { pipeline, bindGroup, workgroups } = dispatches[i % dispatches.length]!;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
      }
      pass.end();
      this.device.queue.submit([encoder.finish()]);
      this.counters.submits++;
    }
    this.counters.dispatches += total;
    this.submitMilliseconds += performance.now() - start;
  }

  /**
   * Runs `body`, whose faults are its own: what the device holds against it is thrown here, and does
   * not stay with the device as other faults do.
   *
   * @throws {ValidationError} where the device refused a call.
   * @throws {OutOfMemoryError} where it ran out of memory.
   */
  async attempt<T>(body: () => Promise<T>): Promise<T> {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    let result: { value: T } | undefined;
    let thrown: unknown;
    try {
      result = { value: await body() };
    } catch (error) {
      thrown = error;
    }
    const faults = [await this.device.popErrorScope(), await this.device.popErrorScope()];
    for (const fault of faults) if (fault) throw deviceError(fault);
    if (!result) throw thrown;
    return result.value;
  }

  /** Frees the device and every buffer of it. */
  close(): void {
    this.#closed = true;
    for (const buffer of this.#live) buffer.destroy();
    this.#live.clear();
    this.device.destroy();
  }

  /** {@linkcode close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Awaits a fence; a fault of the device becomes its error class. */
  async #settle(fence: Promise<undefined | void>): Promise<void> {
    try {
      await fence;
    } catch (error) {
      // The event that says why may come after the rejection of the promise.
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.check();
      throw new DeviceError(
        `the GPU did not finish its work: ${messageOf(error)}`,
        { cause: error },
      );
    }
    this.check();
  }

  #layout(reads: number, writes: number): GPUBindGroupLayout {
    const key = `${reads},${writes}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.device.createBindGroupLayout({
        entries: Array.from({ length: reads + writes }, (_, binding) => ({
          binding,
          visibility: 0x4, // GPUShaderStage.COMPUTE
          buffer: { type: binding < reads ? "read-only-storage" as const : "storage" as const },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  #pipeline(kernel: Kernel, layout: GPUBindGroupLayout, layoutKey: string): GPUComputePipeline {
    const directive = kernel.subgroups && this.adapter.enableSubgroups ? "enable subgroups;\n" : "";
    const key = `${layoutKey}\n${kernel.wgsl}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.device.createComputePipeline({
        label: kernel.label,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: {
          module: this.device.createShaderModule({
            label: kernel.label,
            code: directive + kernel.wgsl,
          }),
          entryPoint: "main",
        },
      });
      this.counters.pipelines++;
      this.check();
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }
}

/** A fault that the device reports, as its error class. */
function deviceError(error: GPUError): DeviceError {
  const text = error.message.trim();
  return error instanceof GPUOutOfMemoryError
    ? new OutOfMemoryError(`the GPU ran out of memory: ${text}`)
    : new ValidationError(`the GPU refused a call: ${text}`);
}

/**
 * Opens the best device of this machine.
 *
 * @throws {NoAdapterError} when there is none.
 */
export async function openGpu(options: AdapterOptions = {}): Promise<Gpu> {
  const { device, description } = await openDevice(options);
  return new Gpu(device, description);
}
