/** Convolution and pooling: ONNX's nodes as operators of the graph. */

import type { Pair, Sides } from "../graph.ts";
import { type Item, type NodeReader, UnsupportedNode } from "./items.ts";

const pair = (reader: NodeReader, name: string): Pair => {
  const [height = 1, width = 1, ...rest] = reader.ints(name) ?? [];
  if (rest.length > 0 || !(height >= 1 && width >= 1)) {
    throw new UnsupportedNode(`its ${name} are not two positive numbers`);
  }
  return [height, width];
};

/** Padding, given or worked out from `auto_pad`. */
function padding(
  reader: NodeReader,
  { window, strides, dilations }: { window: Pair; strides: Pair; dilations: Pair },
): Sides {
  const automatic = reader.text("auto_pad", "NOTSET");
  if (automatic === "NOTSET") {
    const [top = 0, left = 0, bottom = 0, right = 0] = reader.ints("pads") ?? [];
    if (Math.min(top, left, bottom, right) < 0) throw new UnsupportedNode("its pads are negative");
    return [top, left, bottom, right];
  }
  if (automatic === "VALID") return [0, 0, 0, 0];
  if (automatic !== "SAME_UPPER" && automatic !== "SAME_LOWER") {
    throw new UnsupportedNode(`its auto_pad is ${automatic}`);
  }
  const shape = reader.shape(0);
  const sides = ([0, 1] as const).map((axis) => {
    const extent = shape[axis + 2]!;
    const reach = dilations[axis] * (window[axis] - 1) + 1;
    const positions = Math.ceil(extent / strides[axis]);
    const total = Math.max(0, (positions - 1) * strides[axis] + reach - extent);
    const less = Math.floor(total / 2);
    return automatic === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  });
  return [sides[0]![0]!, sides[1]![0]!, sides[0]![1]!, sides[1]![1]!];
}

/** Conv. */
export function convolutionRule(reader: NodeReader): Item[] {
  if (reader.shape(0).length !== 4) throw new UnsupportedNode("it is not two-dimensional");
  const [, , height = 1, width = 1] = reader.shape(1);
  const window: Pair = [height, width];
  const strides = pair(reader, "strides");
  const dilations = pair(reader, "dilations");
  const operator = {
    kind: "convolution",
    strides,
    dilations,
    pads: padding(reader, { window, strides, dilations }),
    groups: reader.int("group", 1),
  } as const;
  const inputs = [reader.value(0), reader.value(1, "parameter")];
  if (reader.items[2]) inputs.push(reader.value(2, "parameter"));
  return [reader.emit(operator, inputs, true)];
}

/** MaxPool and AveragePool. */
export function poolRule(reduction: "max" | "mean"): (reader: NodeReader) => Item[] {
  return (reader) => {
    if (reader.shape(0).length !== 4) throw new UnsupportedNode("it is not two-dimensional");
    const strides = pair(reader, "strides");
    const dilations = pair(reader, "dilations");
    const window = pair(reader, "kernel_shape");
    return [reader.emit({
      kind: "pool",
      reduction,
      window,
      strides,
      dilations,
      pads: padding(reader, { window, strides, dilations }),
      ceil: reader.int("ceil_mode", 0) !== 0,
      countPads: reader.int("count_include_pad", 0) !== 0,
    }, [reader.value(0)])];
  };
}
