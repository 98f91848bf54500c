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

/** Most invocations of a workgroup where nothing is summed. */
const MAX_PLANE_LANES = 256;

/** Invocations that a workgroup should have: small planes share one. */
const LEAST_PLANE_LANES = 64;

/** How many neighbouring pixels a kernel without sums treats at once, and their WGSL type. */
export function planeVector({ h, w }: FeatureMaps): { width: number; type: "vec4f" | "f32" } {
  return h * w % 4 === 0 ? { width: 4, type: "vec4f" } : { width: 1, type: "f32" };
}

/** How planes are dealt out: `images` planes of a channel to a workgroup, `lanes` to each plane. */
function planeGroups(maps: FeatureMaps): { lanes: number; images: number; vectors: number } {
  const vectors = maps.h * maps.w / planeVector(maps).width;
  const lanes = Math.min(MAX_PLANE_LANES, vectors);
  let images = Math.max(1, Math.floor(LEAST_PLANE_LANES / lanes));
  while (maps.n % images !== 0) images--;
  return { lanes, images, vectors };
}

/**
 * WGSL entry point. `before` and `after` see `channel` and `part`; `body` also sees the index `i`
 * of an element in (N,C,H,W). Start it with {@linkcode sweepWorkgroups}.
 */
export function sweepMain(
  maps: FeatureMaps,
  text: { before: string; body: string; after: string },
): string {
  const { lanes, slices } = sweepParts(maps);
  return entryPoint(
    lanes,
    `let part = group.x * ${lanes}u + lane;
  ${text.before}
  for (var n = group.x; n < ${maps.n}u; n += ${slices}u) {
    ${plane(maps, { lanes, pixels: maps.h * maps.w, lane: "lane" }, "n", text.body)}
  }
  ${text.after}`,
  );
}

/** Workgroups for {@linkcode sweepMain}. */
export function sweepWorkgroups(maps: FeatureMaps): readonly [number, number, number] {
  return [sweepParts(maps).slices, maps.c, 1];
}

/**
 * A walk for kernels that sum nothing: larger workgroups, no loop over images, and `i` the index of
 * a {@linkcode planeVector}. With four streams of loads and stores it takes 3.0 ms where
 * {@linkcode sweepMain} takes 7.4 to 9.2 (64x16x32x32 on llvmpipe, 2026-11-22). Start it with
 * {@linkcode planeWorkgroups}.
 */
export function planeMain(maps: FeatureMaps, text: { before: string; body: string }): string {
  const { lanes, images, vectors } = planeGroups(maps);
  const n = `(group.x * ${images}u + lane / ${lanes}u)`;
  return entryPoint(
    lanes * images,
    `${text.before}
  let pixel = lane % ${lanes}u;
  ${plane(maps, { lanes, pixels: vectors, lane: "pixel" }, n, text.body)}`,
  );
}

/** Workgroups for {@linkcode planeMain}. */
export function planeWorkgroups(maps: FeatureMaps): readonly [number, number, number] {
  return [maps.n / planeGroups(maps).images, maps.c, 1];
}

function entryPoint(lanes: number, body: string): string {
  return `
@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let channel = group.y;
  ${body}
}`;
}

/** WGSL: `body` for the elements `i` that a lane has of the `pixels` of image `n`'s plane. */
function plane(
  maps: FeatureMaps,
  share: { lanes: number; pixels: number; lane: string },
  n: string,
  body: string,
): string {
  const { lanes, pixels, lane } = share;
  const rounds = Math.ceil(pixels / lanes);
  const element = (offset: string, guarded: boolean) =>
    guarded
      ? `if (${lane} + ${offset} < ${pixels}u) { let i = base + ${offset}; ${body} }`
      : `{ let i = base + ${offset}; ${body} }`;
  const walk = rounds <= MAX_UNROLLED
    ? Array.from({ length: rounds }, (_, k) => element(`${k * lanes}u`, (k + 1) * lanes > pixels))
      .join("\n    ")
    : `for (var offset = 0u; offset < ${pixels}u; offset += ${lanes}u) {
      ${element("offset", pixels % lanes !== 0)}
    }`;
  return `let base = (${n} * ${maps.c}u + channel) * ${pixels}u + ${lane};
    ${walk}`;
}
