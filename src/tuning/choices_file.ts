/** Keeping the choices of timing in the user's cache folder, for each adapter its own. */

import { FormatError, messageOf } from "../errors.ts";
import { writeFileAtomic } from "../formats/write_file.ts";
import type { Gpu } from "../gpu/gpu.ts";
import { VERSION } from "../version.ts";

/** What the file holds. Choices of other versions or adapters are left out of use. */
interface ChoicesFile {
  readonly lethe: string;
  /** Name of the adapter, which tells its driver too, and its limits. */
  readonly adapter: string;
  readonly choices: Readonly<Record<string, number>>;
}

/** Name of a device for which choices hold: adapter, driver as far as it shows, limits. */
function deviceName({ adapter }: Gpu): string {
  const { name, vendor, subgroupSize, limits } = adapter;
  return [name, vendor, Deno.version.deno, subgroupSize, ...Object.values(limits)].join(" | ");
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

/** Takes over the choices of an earlier timing; a missing or unusable file is none. */
export async function loadChoices(gpu: Gpu, path: string): Promise<void> {
  let file: Partial<ChoicesFile> | null;
  try {
    file = JSON.parse(await Deno.readTextFile(path));
  } catch {
    return;
  }
  if (file?.lethe !== VERSION || file.adapter !== deviceName(gpu)) return;
  for (const [key, index] of Object.entries(file.choices ?? {})) {
    if (Number.isInteger(index) && index >= 0) gpu.choices.set(key, index);
  }
}

/**
 * Saves the choices of `gpu`.
 *
 * @throws {FormatError} where the file cannot be written.
 */
export async function saveChoices(gpu: Gpu, path: string): Promise<void> {
  const file: ChoicesFile = {
    lethe: VERSION,
    adapter: deviceName(gpu),
    choices: Object.fromEntries(gpu.choices),
  };
  try {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  } catch (error) {
    const reason = messageOf(error);
    throw new FormatError(`cannot make the folder of ${path}: ${reason}`, { cause: error });
  }
  await writeFileAtomic(path, new TextEncoder().encode(JSON.stringify(file, null, 2) + "\n"));
}
