/** Kernels chosen by timing, as a table that can be saved. */

import type { ConvolutionUse, KernelChoices } from "../../shaders/convolution/variant.ts";

/** A use as text: two uses are alike if and only if their texts are. */
export function useKey({ direction, geometry: g, fusion }: ConvolutionUse): string {
  const flags = Object.entries(fusion).filter(([, on]) => on).map(([name]) => name).sort();
  return `${direction} ${g.batch}x${g.inChannels}x${g.height}x${g.width} -> ${g.outChannels}, ` +
    `${g.kernelSize}x${g.kernelSize} stride ${g.stride} padding ${g.padding}` +
    (flags.length > 0 ? ` + ${flags.join(" + ")}` : "");
}

/** Indices of chosen candidates by {@linkcode useKey}. */
export class ChoiceTable extends Map<string, number> implements KernelChoices {
  /** The choice for a use. */
  find(use: ConvolutionUse): number | undefined {
    return this.get(useKey(use));
  }
}
