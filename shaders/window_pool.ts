/**
 * Max and average pooling with everything that files ask for: rectangular windows, padding, dilation,
 * windows that reach beyond the image. One invocation an element, as in pool.ts.
 */

import { elementwise } from "./elementwise.ts";
import { declareBindings, type Kernel } from "./kernel.ts";

/** A window moved over every plane. */
export interface WindowPool {
  /** N times C. */
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly window: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  /** Whether a mean counts padding: as far as `pads` reach, and no further. */
  readonly countPads: boolean;
}

const describe = (g: WindowPool) =>
  `${g.planes}x${g.height}x${g.width} window ${g.window.join("x")} stride ${g.strides.join("x")}`;

const counts = (g: WindowPool) => ({
  input: g.planes * g.height * g.width,
  output: g.planes * g.outHeight * g.outWidth,
});

/** WGSL: walks over the pixels of the window at (`row`, `column`); `body` sees y and z, signed. */
function overWindow(g: WindowPool, body: string): string {
  return `for (var r = 0; r < ${g.window[0]}; r++) {
      let y = i32(row) * ${g.strides[0]} - ${g.pads[0]} + r * ${g.dilations[0]};
      for (var s = 0; s < ${g.window[1]}; s++) {
        let z = i32(column) * ${g.strides[1]} - ${g.pads[1]} + s * ${g.dilations[1]};
        ${body}
      }
    }`;
}

const INSIDE = (g: WindowPool) => `y >= 0 && y < ${g.height} && z >= 0 && z < ${g.width}`;

/** WGSL function `windowCount(row, column)`: what a mean divides by. */
function countFunction(g: WindowPool): string {
  const counted = g.countPads
    ? `y < ${g.height + g.pads[2]} && z < ${g.width + g.pads[3]}`
    : INSIDE(g);
  return `
fn windowCount(row: u32, column: u32) -> f32 {
  var count = 0.0;
  ${overWindow(g, `if (${counted}) { count += 1.0; }`)}
  return count;
}`;
}

/** WGSL: plane, row and column of output element `i`. */
const outputPosition = (g: WindowPool) =>
  `let plane = i / ${g.outHeight * g.outWidth}u * ${g.height * g.width}u;
    let row = i / ${g.outWidth}u % ${g.outHeight}u;
    let column = i % ${g.outWidth}u;`;

/** WGSL: walks over the output windows that may hold input element `i`, by their row and column. */
function coveringWindows(g: WindowPool, body: string): string {
  const first = (position: string, axis: 0 | 1) => {
    const reach = g.dilations[axis] * (g.window[axis] - 1);
    return `max(0, (${position} + ${g.pads[axis]} - ${reach} + ${g.strides[axis] - 1}) / ` +
      `${g.strides[axis]})`;
  };
  const last = (position: string, axis: 0 | 1) =>
    `min((${position} + ${g.pads[axis]}) / ${g.strides[axis]}, ` +
    `${(axis === 0 ? g.outHeight : g.outWidth) - 1})`;
  return `let own = i / ${g.height * g.width}u;
    let plane = own * ${g.height * g.width}u;
    let h = i32(i / ${g.width}u % ${g.height}u);
    let v = i32(i % ${g.width}u);
    for (var row = ${first("h", 0)}; row <= ${last("h", 0)}; row++) {
      for (var column = ${first("v", 1)}; column <= ${last("v", 1)}; column++) {
        let o = (own * ${g.outHeight}u + u32(row)) * ${g.outWidth}u + u32(column);
        ${body}
      }
    }`;
}

/** x -> y, the mean of each window. */
export function windowMeanKernel(g: WindowPool): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `average pool ${describe(g)}`,
    output,
    declareBindings([{ name: "x", elements: input }], [{ name: "means", elements: output }]) +
      countFunction(g),
    `${outputPosition(g)}
    var sum = 0.0;
    ${overWindow(g, `if (${INSIDE(g)}) { sum += x[plane + u32(y * ${g.width} + z)]; }`)}
    means[i] = sum / windowCount(row, column);`,
  );
}

/** dy -> dx: each window's gradient, spread evenly over what it counts. */
export function windowMeanGradientKernel(g: WindowPool): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `average pool gradient ${describe(g)}`,
    input,
    declareBindings([{ name: "dy", elements: output }], [{ name: "dx", elements: input }]) +
      countFunction(g),
    `var sum = 0.0;
    ${
      coveringWindows(
        g,
        `let dr = h + ${g.pads[0]} - row * ${g.strides[0]};
        let ds = v + ${g.pads[1]} - column * ${g.strides[1]};
        if (dr % ${g.dilations[0]} == 0 && ds % ${g.dilations[1]} == 0) {
          sum += dy[o] / windowCount(u32(row), u32(column));
        }`,
      )
    }
    dx[i] = sum;`,
  );
}

/** WGSL function `largestAt(plane, row, column)`: where the first of the largest pixels lies. */
function largestFunction(g: WindowPool): string {
  return `
fn largestAt(plane: u32, row: u32, column: u32) -> u32 {
  var best = 0u;
  var found = false;
  ${
    overWindow(
      g,
      `if (${INSIDE(g)}) {
        let place = plane + u32(y * ${g.width} + z);
        if (!found || x[place] > x[best]) { best = place; found = true; }
      }`,
    )
  }
  return best;
}`;
}

/** x -> y, the largest value of each window; padding never is. */
export function windowMaxKernel(g: WindowPool): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `max pool ${describe(g)}`,
    output,
    declareBindings([{ name: "x", elements: input }], [{ name: "largest", elements: output }]) +
      largestFunction(g),
    `${outputPosition(g)}
    largest[i] = x[largestAt(plane, row, column)];`,
  );
}

/** x, dy -> dx: each window's gradient goes to the first of its largest values, as in PyTorch. */
export function windowMaxGradientKernel(g: WindowPool): Kernel {
  const { input, output } = counts(g);
  return elementwise(
    `max pool gradient ${describe(g)}`,
    input,
    declareBindings([{ name: "x", elements: input }, { name: "dy", elements: output }], [
      { name: "dx", elements: input },
    ]) + largestFunction(g),
    `var sum = 0.0;
    ${
      coveringWindows(
        g,
        "if (largestAt(plane, u32(row), u32(column)) == i) { sum += dy[o]; }",
      )
    }
    dx[i] = sum;`,
  );
}
