/** Which convolutions a training or distillation step runs, found by recording it. */

import type { ConvolutionUse } from "../../shaders/convolution/use.ts";
import type { KernelCapabilities } from "../../shaders/kernel.ts";
import { useKey } from "../gpu/choice_table.ts";
import type { Architecture } from "../nn/architecture.ts";
import { crossEntropy } from "../tensor/operations/cross_entropy.ts";
import { Tape } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The convolutions of one training step and of a forward pass in evaluation mode, each once, for
 * batches of `batch` images. Nothing runs on a GPU.
 */
export function convolutionUses(
  architecture: Architecture,
  images: { batch: number; height: number; width: number },
  capabilities: KernelCapabilities,
): ConvolutionUse[] {
  const uses = new Map<string, ConvolutionUse>();
  const find = (use: ConvolutionUse) => {
    uses.set(useKey(use), use);
    return undefined;
  };
  const tape = new Tape({ ...capabilities, choices: { find } });
  const tensors = new Map<string, Tensor>(
    architecture.entries.map(({ name, shape }) => [name, tape.transient(shape, name)]),
  );
  const state = (name: string) => tensors.get(name)!;
  const { batch, height, width } = images;
  const x = tape.transient([batch, 3, height, width], "images");
  const labels = tape.transient([batch], "labels", "u32");
  architecture.forward(tape, state, x, "evaluation");
  const { logits } = architecture.forward(tape, state, x, "training");
  const parameters = architecture.entries
    .filter(({ kind }) => kind === "parameter")
    .map(({ name }) => state(name));
  tape.gradients([{ loss: crossEntropy(tape, logits, labels), weight: 1 }], parameters);
  return [...uses.values()];
}
