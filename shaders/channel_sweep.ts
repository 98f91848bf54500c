/**
 * The walk that all per-channel kernels share. A channel's N H W elements are dealt out to
 * invocations: `lane` takes every `lanes`-th pixel of the images that `slice` takes, so that
 * neighbouring invocations read neighbouring addresses, and what depends on the channel alone is
 * loaded once for many elements.
 */

/** Extents of a batch of feature maps (N,C,H,W). */
export interface FeatureMaps {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
}

/** Most invocations that share an image plane. */
const MAX_LANES = 64;

/** Most groups of images that a channel is dealt out to where sums are taken. */
const MAX_SLICES = 16;

/** Planes with more pixels a lane are walked by a loop instead of unrolled code. */
const MAX_UNROLLED = 16;

/** How a channel is dealt out: `slices * lanes` parts. */
export function sweepParts({ n, h, w }: FeatureMaps): {
  lanes: number;
  slices: number;
  parts: number;
} {
  const lanes = Math.min(MAX_LANES, h * w);
  const slices = Math.min(MAX_SLICES, n);
  return { lanes, slices, parts: slices * lanes };
}

/** WGSL function `elementsOfPart(part)`: how many elements of a channel a part covers. */
export function elementsOfPart(maps: FeatureMaps): string {
  const { lanes, slices } = sweepParts(maps);
  return `
fn elementsOfPart(part: u32) -> f32 {
  let images = (${maps.n - 1}u - part / ${lanes}u) / ${slices}u + 1u;
  let pixels = (${maps.h * maps.w - 1}u - part % ${lanes}u) / ${lanes}u + 1u;
  return f32(images * pixels);
}`;
}

/**
 * WGSL entry point. `before` and `after` see `channel` and `part`; `body` also sees the index `i`
 * of an element in (N,C,H,W). Start it with {@linkcode sweepWorkgroups}.
 */
export function sweepMain(
  maps: FeatureMaps,
  text: { before: string; body: string; after: string },
): string {
  return walk(maps, sweepParts(maps).slices, text);
}

/**
 * The same walk for kernels that sum nothing: an image plane for each workgroup, since a loop
 * around stores takes twice the time on llvmpipe (2026-11). Start it with
 * {@linkcode planeWorkgroups}.
 */
export function planeMain(maps: FeatureMaps, text: { before: string; body: string }): string {
  return walk(maps, maps.n, { ...text, after: "" });
}

function walk(
  maps: FeatureMaps,
  slices: number,
  text: { before: string; body: string; after: string },
): string {
  const { lanes } = sweepParts(maps);
  const plane = maps.h * maps.w;
  const rounds = Math.ceil(plane / lanes);
  const element = (offset: string, guarded: boolean) =>
    guarded
      ? `if (lane + ${offset} < ${plane}u) { let i = base + ${offset}; ${text.body} }`
      : `{ let i = base + ${offset}; ${text.body} }`;
  const pixels = rounds <= MAX_UNROLLED
    ? Array.from({ length: rounds }, (_, k) => element(`${k * lanes}u`, (k + 1) * lanes > plane))
      .join("\n    ")
    : `for (var offset = 0u; offset < ${plane}u; offset += ${lanes}u) {
      ${element("offset", plane % lanes !== 0)}
    }`;
  const images = slices === maps.n
    ? "let n = group.x;"
    : `for (var n = group.x; n < ${maps.n}u; n += ${slices}u)`;
  return `
@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let channel = group.y;
  let part = group.x * ${lanes}u + lane;
  ${text.before}
  ${images} {
    let base = (n * ${maps.c}u + channel) * ${plane}u + lane;
    ${pixels}
  }
  ${text.after}
}`;
}

/** Workgroups for {@linkcode planeMain}. */
export function planeWorkgroups(maps: FeatureMaps): readonly [number, number, number] {
  return [maps.n, maps.c, 1];
}

/** Workgroups for {@linkcode sweepMain}. */
export function sweepWorkgroups(maps: FeatureMaps): readonly [number, number, number] {
  return [sweepParts(maps).slices, maps.c, 1];
}
