/** Kernels chosen by timing, as a table that can be saved. */

import { candidateName, type ConvolutionUse } from "../../shaders/convolution/use.ts";
import { candidates } from "../../shaders/convolution/variants.ts";
import type { KernelCapabilities, KernelChoices } from "../../shaders/kernel.ts";
import { UsageError } from "../errors.ts";
import { quoted } from "../text/quoted.ts";

/** A use as text: two uses are alike if and only if their texts are. */
export function useKey({ direction, geometry: g, fusion }: ConvolutionUse): string {
  const flags = Object.entries(fusion).filter(([, on]) => on).map(([name]) => name).sort();
  return `${direction} ${g.batch}x${g.inChannels}x${g.height}x${g.width} -> ${g.outChannels}, ` +
    `${g.kernelSize}x${g.kernelSize} stride ${g.stride} padding ${g.padding}` +
    (flags.length > 0 ? ` + ${flags.join(" + ")}` : "");
}

/** Names of chosen candidates by {@linkcode useKey}. */
export class ChoiceTable extends Map<string, string> implements KernelChoices {
  /** An empty table for what a device offers. */
  constructor(readonly capabilities: KernelCapabilities) {
    super();
  }

  /**
   * The choice for a use.
   *
   * @throws {UsageError} where it names a kernel that there is not: from another device or version.
   */
  find(use: ConvolutionUse): string | undefined {
    const wanted = this.get(useKey(use));
    if (wanted === undefined) return undefined;
    const names: string[] = [];
    for (const { kernel } of candidates(use, this.capabilities)) {
      const name = candidateName(kernel.convolution);
      if (name === wanted) return wanted;
      names.push(name);
    }
    throw new UsageError(
      `cannot run kernel ${quoted(wanted)} for ${useKey(use)}: found ${
        names.join(", ")
      }; the choice ` +
        "was made on another device or by another version",
    );
  }
}
