/**
 * Products of matrices: one invocation a tile of 4 x 4 results, whose 8 loads feed 16 products. No
 * workgroup memory: barriers cost software drivers more than they save.
 */

import { declareBindings, groupsOf, type Kernel } from "./kernel.ts";
import { unroll } from "./convolution/lanes.ts";

/** y = a b for each of a batch of matrices. */
export interface MatrixProduct {
  /** Pairs of matrices, one after the other. */
  readonly batch: number;
  /** Rows of y. */
  readonly rows: number;
  /** Columns of a, rows of b. */
  readonly inner: number;
  /** Columns of y. */
  readonly columns: number;
  /** a is stored as (inner, rows). */
  readonly transposeA: boolean;
  /** b is stored as (columns, inner). */
  readonly transposeB: boolean;
}

const TILE = 4;

/** Invocations of a workgroup, along columns and rows. */
const SIDE = 8;

/** a (batch,rows,inner), b (batch,inner,columns) -> y (batch,rows,columns). */
export function matrixProductKernel(p: MatrixProduct): Kernel {
  const { batch, rows, inner, columns, transposeA, transposeB } = p;
  const a = (row: string) => transposeA ? `k * ${rows}u + ${row}` : `${row} * ${inner}u + k`;
  const b = (column: string) =>
    transposeB ? `${column} * ${inner}u + k` : `k * ${columns}u + ${column}`;
  const each = (text: (r: number, c: number) => string) =>
    unroll(TILE, (r) => unroll(TILE, (c) => text(r, c)));
  return {
    label: `matrix product ${batch} x ${rows}x${inner}x${columns}` +
      `${transposeA ? " a transposed" : ""}${transposeB ? " b transposed" : ""}`,
    workgroups: [
      groupsOf(columns, TILE * SIDE),
      groupsOf(rows, TILE * SIDE),
      batch,
    ],
    wgsl: `${
      declareBindings([
        { name: "a", elements: batch * rows * inner },
        { name: "b", elements: batch * inner * columns },
      ], [{ name: "y", elements: batch * rows * columns }])
    }
@compute @workgroup_size(${SIDE}, ${SIDE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * ${TILE}u;
  let column = id.x * ${TILE}u;
  if (row >= ${rows}u || column >= ${columns}u) { return; }
  let aFirst = id.z * ${rows * inner}u;
  let bFirst = id.z * ${inner * columns}u;
  // What lies beyond the edge repeats the last row or column and is not stored.
  ${unroll(TILE, (t) => `let r${t} = min(row + ${t}u, ${rows - 1}u);`)}
  ${unroll(TILE, (t) => `let c${t} = min(column + ${t}u, ${columns - 1}u);`)}
  ${each((r, c) => `var s${r}_${c} = 0.0;`)}
  for (var k = 0u; k < ${inner}u; k++) {
    ${unroll(TILE, (r) => `let a${r} = a[aFirst + ${a(`r${r}`)}];`)}
    ${unroll(TILE, (c) => `let b${c} = b[bFirst + ${b(`c${c}`)}];`)}
    ${each((r, c) => `s${r}_${c} += a${r} * b${c};`)}
  }
  let first = id.z * ${rows * columns}u;
  ${
      each((r, c) =>
        `if (row + ${r}u < ${rows}u && column + ${c}u < ${columns}u) { ` +
        `y[first + r${r} * ${columns}u + c${c}] = s${r}_${c}; }`
      )
    }
}
`,
  };
}
