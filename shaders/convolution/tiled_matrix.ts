/**
 * The matrix product under the tiled variant: out(m,n) = sum over r of a(m,r) b(r,n), for GPUs.
 *
 * A workgroup computes a tile of `TILE_N` columns and 16 or 32 rows; each invocation 4x4 of it. Both
 * operands pass through workgroup memory in chunks of `CHUNK`, as vectors of 4 neighbours, so that
 * two vector reads feed 16 multiply-adds. What a, b and out are is the caller's WGSL: the
 * convolution's matrices are never stored (implicit GEMM).
 */

/** Columns of a tile. */
export const TILE_N = 64;
/** Steps of the sum that are staged at once. */
export const CHUNK = 16;

/** One product, as WGSL. */
export interface MatrixProduct {
  /** Declarations: bindings, and `fn a(m: u32, r: u32) -> f32`, `fn b(r: u32, n: u32) -> f32`. */
  readonly declarations: string;
  /** Rows of the result. */
  readonly rows: number;
  /** WGSL of the tile of columns, from `group`, the workgroup. */
  readonly columnTile: string;
  /** WGSL by which workgroups without a tile of columns end. */
  readonly guard: string;
  /** Steps of the sum. */
  readonly terms: number;
  /**
   * WGSL after the sum, with `m` the first of the invocation's 4 rows, `n` its first column, `tileM`
   * and `tileN` the first of the tile, `columnTile` its place among the tiles of columns, and `sum0`
   * to `sum3`, a vector over 4 columns for each row.
   */
  readonly finish: string;
  /** Whether `finish` calls `sumOverColumns`. */
  readonly reduces: boolean;
}

/** Rows of a tile for a result of `rows` rows. */
export function tileRows(rows: number): number {
  return rows <= 16 ? 16 : 32;
}

/** Stages one operand: `width` elements across the tile for each of CHUNK steps. */
function stage(
  name: string,
  width: number,
  threads: number,
  alongSum: boolean,
  element: (across: string, step: string) => string,
): string {
  const vectors = CHUNK * width / 4;
  const quads = width / 4;
  return `for (var q = index; q < ${vectors}u; q += ${threads}u) {
    let step = ${alongSum ? `q % ${CHUNK}u` : `q / ${quads}u`};
    let across = ${alongSum ? `q / ${CHUNK}u` : `q % ${quads}u`} * 4u;
    ${name}[step * ${quads}u + across / 4u] = vec4f(${
    [0, 1, 2, 3].map((i) => element(`across + ${i}u`, "step")).join(", ")
  });
  }`;
}

/** WGSL function `sumOverColumns`, for workgroups of `threads`: all of them must call it. */
export function columnReduction(threads: number): string {
  const columns = TILE_N / 4;
  return /* wgsl */ `
var<workgroup> columnSums: array<vec4f, ${threads}>;
// Sum over the ${columns} invocations of a row of the tile, in fixed order, for 4 rows at once.
fn sumOverColumns(index: u32, value: vec4f) -> vec4f {
  workgroupBarrier();
  columnSums[index] = value;
  workgroupBarrier();
  var total = vec4f();
  let first = index / ${columns}u * ${columns}u;
  for (var i = 0u; i < ${columns}u; i++) { total += columnSums[first + i]; }
  return total;
}
`;
}

/** A complete module for `product`. */
export function matrixProduct(product: MatrixProduct): string {
  const tileM = tileRows(product.rows);
  const threads = tileM / 4 * TILE_N / 4;
  const columns = TILE_N / 4;
  return `
${product.declarations}
var<workgroup> chunkA: array<vec4f, ${CHUNK * tileM / 4}>;
var<workgroup> chunkB: array<vec4f, ${CHUNK * TILE_N / 4}>;
${product.reduces ? columnReduction(threads) : ""}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let columnTile = ${product.columnTile};
  ${product.guard}
  let tileM = group.y * ${tileM}u;
  let tileN = columnTile * ${TILE_N}u;
  let inM = index / ${columns}u;
  let inN = index % ${columns}u;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var r = 0u; r < ${product.terms}u; r += ${CHUNK}u) {
    ${
    stage(
      "chunkA",
      tileM,
      threads,
      true,
      (m, r) => `select(0.0, a(tileM + ${m}, r + ${r}), r + ${r} < ${product.terms}u)`,
    )
  }
    ${
    stage(
      "chunkB",
      TILE_N,
      threads,
      false,
      (n, r) => `select(0.0, b(r + ${r}, tileN + ${n}), r + ${r} < ${product.terms}u)`,
    )
  }
    workgroupBarrier();
    for (var i = 0u; i < ${CHUNK}u; i++) {
      let left = chunkA[i * ${tileM / 4}u + inM];
      let right = chunkB[i * ${columns}u + inN];
      sum0 += left.x * right;
      sum1 += left.y * right;
      sum2 += left.z * right;
      sum3 += left.w * right;
    }
    workgroupBarrier();
  }
  let m = tileM + inM * 4u;
  let n = tileN + inN * 4u;
  ${product.finish}
}
`;
}
