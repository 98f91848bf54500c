/** Keeping the choices of timing in the user's cache folder, for each adapter its own. */

import { candidates } from "../../shaders/convolution/variants.ts";
import type { ConvolutionGeometry, ConvolutionUse } from "../../shaders/convolution/use.ts";
import { FormatError, messageOf } from "../errors.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import type { Gpu } from "../gpu/gpu.ts";

/** What the file holds: names of kernels by convolution, for each device by {@linkcode deviceKey}. */
interface ChoicesFile {
  readonly devices: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Largest file that is read, bytes: some thousands of convolutions. */
const LARGEST_FILE = 4e6;

/** Convolutions whose kernels stand for all: any change of how kernels are written shows in theirs. */
const SAMPLES: readonly ConvolutionGeometry[] = [
  { inChannels: 16, height: 16, width: 16, outChannels: 16, kernelSize: 3, stride: 1 },
  { inChannels: 8, height: 16, width: 16, outChannels: 16, kernelSize: 3, stride: 2 },
  { inChannels: 16, height: 8, width: 8, outChannels: 24, kernelSize: 1, stride: 2 },
].map((sizes) => ({ batch: 4, ...sizes, padding: (sizes.kernelSize - 1) / 2 }));

/** A digest of the kernels that the program writes for a device: SHA-256 of some of them. */
async function kernelsDigest({ capabilities }: Gpu): Promise<string> {
  const texts = SAMPLES.flatMap((geometry) => {
    const uses: ConvolutionUse[] = [
      {
        direction: "forward",
        geometry,
        fusion: { normaliseInput: true, addResidual: true, statistics: true },
      },
      {
        direction: "inputGradient",
        geometry,
        fusion: { addAddend: true, normalised: true },
      },
      { direction: "weightGradient", geometry, fusion: { normaliseInput: true } },
      { direction: "forward", geometry, fusion: {} },
      { direction: "inputGradient", geometry, fusion: {} },
    ];
    return uses.flatMap((use) =>
      [...candidates(use, capabilities)].map(({ kernel }) => kernel.label + kernel.wgsl)
    );
  });
  const bytes = new TextEncoder().encode(texts.join());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The driver's version where the system tells it and it may be read; WebGPU does not. */
async function driverVersion(): Promise<string> {
  try {
    return (await Deno.readTextFile("/sys/module/nvidia/version")).trim();
  } catch {
    return "";
  }
}

/** A device for which choices hold: adapter, driver, limits, and the kernels to choose from. */
async function deviceKey(gpu: Gpu): Promise<string> {
  const { name, vendor, subgroupSize, limits } = gpu.adapter;
  return [
    name,
    vendor,
    await driverVersion(),
    Deno.version.deno,
    subgroupSize,
    ...Object.values(limits),
    await kernelsDigest(gpu),
  ].join(" | ");
}

/**
 * Where choices lie: `lethe/tuning.json` in XDG_CACHE_HOME, ~/.cache, ~/Library/Caches or
 * LOCALAPPDATA; `undefined` where none of these is known.
 */
export function choicesPath(): string | undefined {
  const variable = (name: string) => {
    try {
      return Deno.env.get(name) || undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return undefined;
      throw error;
    }
  };
  const home = variable("HOME");
  const system = Deno.build.os === "windows"
    ? variable("LOCALAPPDATA")
    : home && `${home}/${Deno.build.os === "darwin" ? "Library/Caches" : ".cache"}`;
  const folder = variable("XDG_CACHE_HOME") ?? system;
  return folder && `${folder}/lethe/tuning.json`;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The file as it is; a missing, unusable or older one holds nothing. */
async function readChoices(path: string): Promise<ChoicesFile> {
  const devices: Record<string, Record<string, string>> = {};
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile || size > LARGEST_FILE) return { devices };
    const file: unknown = JSON.parse(await Deno.readTextFile(path));
    if (!isRecord(file) || !isRecord(file.devices)) return { devices };
    for (const [key, choices] of Object.entries(file.devices)) {
      if (!isRecord(choices)) continue;
      const names = Object.entries(choices)
        .filter((entry): entry is [string, string] => typeof entry[1] === "string");
      devices[key] = Object.fromEntries(names);
    }
  } catch {
    // Whatever is wrong with it: kernels are timed once more.
  }
  return { devices };
}

/** Takes over the choices of earlier timings on this device; a missing or unusable file is none. */
export async function loadChoices(gpu: Gpu, path: string): Promise<void> {
  const { devices } = await readChoices(path);
  const key = await deviceKey(gpu);
  if (!Object.hasOwn(devices, key)) return;
  for (const [use, name] of Object.entries(devices[key]!)) gpu.choices.set(use, name);
}

/**
 * Saves the choices of `gpu`, beside those that the file has for other convolutions and devices.
 *
 * @throws {FormatError} where the file cannot be written.
 */
export async function saveChoices(gpu: Gpu, path: string): Promise<void> {
  const { devices } = await readChoices(path);
  const key = await deviceKey(gpu);
  const before = Object.hasOwn(devices, key) ? devices[key] : {};
  const file: ChoicesFile = {
    devices: { ...devices, [key]: { ...before, ...Object.fromEntries(gpu.choices) } },
  };
  try {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  } catch (error) {
    const reason = messageOf(error);
    throw new FormatError(`cannot make the folder of ${path}: ${reason}`, { cause: error });
  }
  await writeFileAtomic(path, new TextEncoder().encode(JSON.stringify(file, null, 2) + "\n"));
}
