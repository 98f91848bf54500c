/** Kernels on rows of a matrix: normalisation to mean 0 and variance 1, softmax. A workgroup a row. */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";
import { SUM_INVOCATIONS, WORKGROUP_TOTAL } from "./reduction.ts";

/** A matrix of rows. */
export interface Rows {
  readonly rows: number;
  /** Elements of a row. */
  readonly length: number;
}

/** Workgroups of a row of the grid. */
const ROW = 32_768;

function rowKernel(label: string, { rows }: Rows, bindings: string, body: string): Kernel {
  const columns = Math.min(rows, ROW);
  return {
    label,
    workgroups: [columns, Math.ceil(rows / columns), 1],
    wgsl: `${bindings}
${WORKGROUP_TOTAL}
@compute @workgroup_size(${SUM_INVOCATIONS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Groups beyond the last repeat it, so that all of them meet at the barriers.
  let row = min(group.x + group.y * ${columns}u, ${rows - 1}u);
  ${body}
}`,
  };
}

/** WGSL: adds up `term` over the row; \`i\` is an element's index. */
const total = ({ length }: Rows, name: string, term: string) =>
  `var part_${name} = 0.0;
  for (var j = lane; j < ${length}u; j += ${SUM_INVOCATIONS}u) {
    let i = row * ${length}u + j;
    part_${name} += ${term};
  }
  let ${name} = workgroupTotal(lane, part_${name});`;

const each = ({ length }: Rows, body: string) =>
  `for (var j = lane; j < ${length}u; j += ${SUM_INVOCATIONS}u) {
    let i = row * ${length}u + j;
    ${body}
  }`;

/** x -> y of mean 0 and variance 1 in each row, inverse deviations (rows). */
export function normalizeRowsKernel(shape: Rows, epsilon: number): Kernel {
  const elements = shape.rows * shape.length;
  return rowKernel(
    `normalise rows ${shape.rows}x${shape.length}`,
    shape,
    declareBindings([{ name: "x", elements }], [
      { name: "y", elements },
      { name: "inverse", elements: shape.rows },
    ]),
    `${total(shape, "sum", "x[i]")}
  let mean = sum / ${shape.length}.0;
  ${total(shape, "squares", "(x[i] - mean) * (x[i] - mean)")}
  let scale = 1.0 / sqrt(squares / ${shape.length}.0 + f32(${epsilon}));
  if (lane == 0u) { inverse[row] = scale; }
  ${each(shape, "y[i] = (x[i] - mean) * scale;")}`,
  );
}

/** y, inverse deviations, dy -> dx = (dy - mean(dy) - y mean(y dy)) / deviation. */
export function normalizeRowsGradientKernel(shape: Rows): Kernel {
  const elements = shape.rows * shape.length;
  return rowKernel(
    `normalise rows gradient ${shape.rows}x${shape.length}`,
    shape,
    declareBindings([
      { name: "y", elements },
      { name: "inverse", elements: shape.rows },
      { name: "dy", elements },
    ], [{ name: "dx", elements }]),
    `${total(shape, "first", "dy[i]")}
  ${total(shape, "second", "dy[i] * y[i]")}
  ${
      each(
        shape,
        `dx[i] = inverse[row] * (dy[i] - (first + y[i] * second) / ${shape.length}.0);`,
      )
    }`,
  );
}

/** x -> softmax of each row, or its logarithm. One invocation a row. */
export function softmaxRowsKernel({ rows, length }: Rows, log: boolean): Kernel {
  const elements = rows * length;
  return elementwise(
    `${log ? "log " : ""}softmax rows ${rows}x${length}`,
    rows,
    declareBindings([{ name: "x", elements }], [{ name: "y", elements }]),
    `let first = i * ${length}u;
    var most = x[first];
    for (var j = 1u; j < ${length}u; j++) { most = max(most, x[first + j]); }
    var sum = 0.0;
    for (var j = 0u; j < ${length}u; j++) { sum += exp(x[first + j] - most); }
    let rest = log(sum);
    for (var j = 0u; j < ${length}u; j++) {
      y[first + j] = ${log ? "x[first + j] - most - rest" : "exp(x[first + j] - most - rest)"};
    }`,
  );
}

/** y, dy -> dx: y (dy - Σ y dy), of the logarithm dy - exp(y) Σ dy. */
export function softmaxRowsGradientKernel({ rows, length }: Rows, log: boolean): Kernel {
  const elements = rows * length;
  return elementwise(
    `${log ? "log " : ""}softmax rows gradient ${rows}x${length}`,
    rows,
    declareBindings([{ name: "y", elements }, { name: "dy", elements }], [
      { name: "dx", elements },
    ]),
    `let first = i * ${length}u;
    var sum = 0.0;
    for (var j = first; j < first + ${length}u; j++) { sum += ${log ? "dy[j]" : "y[j] * dy[j]"}; }
    for (var j = first; j < first + ${length}u; j++) {
      dx[j] = ${log ? "dy[j] - exp(y[j]) * sum" : "y[j] * (dy[j] - sum)"};
    }`,
  );
}
