/**
 * Turns a scene into pixels. Edges are smoothed by their signed distance rather than by drawing at
 * a higher resolution, and faces are looked up in a table of distances, so an image costs some
 * 0.1 ms.
 */

import { RandomPurpose, RandomStream } from "./random.ts";
import type { Blob, Pose, Scene } from "./signs_scene.ts";
import { type Colour, type Sign, SIGNS } from "./signs_shapes.ts";

/** H and W of the images. */
export const SIGN_SIDE = 32;
const PLANE = SIGN_SIDE * SIGN_SIDE;

/** A table covers -REACH..REACH of the plane of {@linkcode SIGNS} at TABLE x TABLE points. */
const TABLE = 96;
const REACH = 1.3;
const LAYERS = 3;

/** Side of the wrapping texture and number of noise values; powers of two. */
const TEXTURE = 128;
const NOISE = 1 << 14;

/** Draws images one after the other; holds the tables and the canvas that they share. */
export class SignPainter {
  readonly #faces = SIGNS.map(distanceTable);
  readonly #texture = backgroundTexture();
  readonly #noise = noiseTable();
  /** (3,32,32), 0..1 before the noise is added. */
  readonly #canvas = new Float64Array(3 * PLANE);
  readonly #blurred = new Float64Array(3 * PLANE);

  /** Writes the (3,32,32) bytes of `scene` with the sign of class `label` to `pixels` at `offset`. */
  paint(
    scene: Scene,
    label: number,
    random: RandomStream,
    pixels: Uint8Array,
    offset: number,
  ): void {
    this.#paintBackground(scene, random);
    for (const blob of scene.clutter) this.#paintBlob(blob);
    this.#paintSign(this.#faces[label]!, scene.pose, scene.paint);
    for (const blob of scene.occluders) this.#paintBlob(blob);
    this.#light(scene);
    for (let pass = 0; pass < scene.blurPasses; pass++) this.#blur(scene.blur);
    this.#develop(scene.noise, random, pixels, offset);
  }

  #paintBackground(scene: Scene, random: RandomStream): void {
    const [from, to] = scene.background;
    const [slopeX, slopeY] = scene.backgroundSlope;
    const shiftX = random.below(TEXTURE);
    const shiftY = random.below(TEXTURE);
    for (let y = 0; y < SIGN_SIDE; y++) {
      const row = ((y + shiftY) & (TEXTURE - 1)) * TEXTURE;
      for (let x = 0; x < SIGN_SIDE; x++) {
        const texture = this.#texture[row + ((x + shiftX) & (TEXTURE - 1))]!;
        const slope = slopeX * (x / SIGN_SIDE - 0.5) + slopeY * (y / SIGN_SIDE - 0.5);
        const share = clamp(0.5 + slope + scene.texture * texture);
        const grain = 1 + 0.3 * scene.texture * texture;
        const at = y * SIGN_SIDE + x;
        for (let c = 0; c < 3; c++) {
          this.#canvas[c * PLANE + at] = (from[c]! + (to[c]! - from[c]!) * share) * grain;
        }
      }
    }
  }

  #paintBlob(blob: Blob): void {
    const [cosine, sine] = blob.turn;
    const reach = blob.width + blob.height + 1;
    const top = Math.max(0, Math.floor(blob.y - reach));
    const bottom = Math.min(SIGN_SIDE - 1, Math.ceil(blob.y + reach));
    const left = Math.max(0, Math.floor(blob.x - reach));
    const right = Math.min(SIGN_SIDE - 1, Math.ceil(blob.x + reach));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const dx = x + 0.5 - blob.x;
        const dy = y + 0.5 - blob.y;
        const u = (cosine * dx + sine * dy) / blob.width;
        const v = (cosine * dy - sine * dx) / blob.height;
        const distance = blob.round
          ? (Math.sqrt(u * u + v * v) - 1) * Math.min(blob.width, blob.height)
          : Math.max((Math.abs(u) - 1) * blob.width, (Math.abs(v) - 1) * blob.height);
        this.#mix(y * SIGN_SIDE + x, blob.colour, clamp(0.5 - distance));
      }
    }
  }

  #paintSign(face: Float64Array, pose: Pose, paint: readonly [Colour, Colour, Colour]): void {
    const [a, b, c, d, e, f] = pose.map;
    const cells = (TABLE - 1) / (2 * REACH);
    for (let y = 0; y < SIGN_SIDE; y++) {
      for (let x = 0; x < SIGN_SIDE; x++) {
        const dx = x + 0.5 - pose.x;
        const dy = y + 0.5 - pose.y;
        const w = 1 / (1 + e * dx + f * dy);
        const u = ((a * dx + b * dy) * w + REACH) * cells;
        const v = ((c * dx + d * dy) * w + REACH) * cells;
        if (!(u >= 0 && v >= 0 && u < TABLE - 1 && v < TABLE - 1)) continue;
        const column = Math.floor(u);
        const row = Math.floor(v);
        const right = u - column;
        const below = v - row;
        const at = (row * TABLE + column) * LAYERS;
        for (let layer = 0; layer < LAYERS; layer++) {
          const i = at + layer;
          const upper = face[i]! + (face[i + LAYERS]! - face[i]!) * right;
          const j = i + TABLE * LAYERS;
          const lower = face[j]! + (face[j + LAYERS]! - face[j]!) * right;
          const distance = (upper + (lower - upper) * below) * pose.radius;
          if (layer === 0 && distance > 0.5) break;
          this.#mix(y * SIGN_SIDE + x, paint[layer]!, clamp(0.5 - distance));
        }
      }
    }
  }

  #mix(at: number, colour: Colour, share: number): void {
    if (share === 0) return;
    for (let c = 0, i = at; c < 3; c++, i += PLANE) {
      this.#canvas[i] = this.#canvas[i]! + (colour[c]! - this.#canvas[i]!) * share;
    }
  }

  #light({ light, lightSlope, shadow, haze }: Scene): void {
    for (let y = 0; y < SIGN_SIDE; y++) {
      for (let x = 0; x < SIGN_SIDE; x++) {
        const slope = lightSlope[0] * (2 * x / SIGN_SIDE - 1) +
          lightSlope[1] * (2 * y / SIGN_SIDE - 1);
        const side = shadow.turn[0] * (x - shadow.x) + shadow.turn[1] * (y - shadow.y);
        const factor = (1 + slope) * (1 + (shadow.factor - 1) * clamp(0.5 + side / 2));
        const at = y * SIGN_SIDE + x;
        for (let c = 0, i = at; c < 3; c++, i += PLANE) {
          this.#canvas[i] = this.#canvas[i]! * factor * light[c]! * (1 - haze) + 0.75 * haze;
        }
      }
    }
  }

  /** Blurs rows into the second canvas and columns back; edge pixels are repeated outwards. */
  #blur(weight: number): void {
    const last = SIGN_SIDE - 1;
    const pass = (from: Float64Array, to: Float64Array, step: number, across: number) => {
      for (let line = 0; line < 3 * SIGN_SIDE; line++) {
        const start = step === 1
          ? line * SIGN_SIDE
          : Math.floor(line / SIGN_SIDE) * PLANE + (line % SIGN_SIDE) * across;
        for (let k = 0; k <= last; k++) {
          const i = start + k * step;
          const before = from[k === 0 ? i : i - step]!;
          const after = from[k === last ? i : i + step]!;
          to[i] = from[i]! + weight * (before + after - 2 * from[i]!);
        }
      }
    };
    pass(this.#canvas, this.#blurred, 1, SIGN_SIDE);
    pass(this.#blurred, this.#canvas, SIGN_SIDE, 1);
  }

  /** Adds noise and rounds to bytes. An odd stride through the table keeps images independent. */
  #develop(noise: number, random: RandomStream, pixels: Uint8Array, offset: number): void {
    const stride = 2 * random.below(NOISE / 2) + 1;
    let next = random.below(NOISE);
    for (let i = 0; i < 3 * PLANE; i++) {
      next = (next + stride) & (NOISE - 1);
      const value = 255 * (this.#canvas[i]! + noise * this.#noise[next]!) + 0.5;
      pixels[offset + i] = value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value);
    }
  }
}

/** Distances to the outline, to the rim's inner edge and to the glyph, (TABLE,TABLE,3). */
function distanceTable(sign: Sign): Float64Array {
  const table = new Float64Array(TABLE * TABLE * LAYERS);
  for (let row = 0; row < TABLE; row++) {
    for (let column = 0; column < TABLE; column++) {
      const x = (2 * column / (TABLE - 1) - 1) * REACH;
      const y = (2 * row / (TABLE - 1) - 1) * REACH;
      const outline = sign.outline(x, y);
      table.set(
        [outline, outline + sign.rimWidth, sign.glyph(x, y)],
        (row * TABLE + column) * LAYERS,
      );
    }
  }
  return table;
}

/** Value noise of four octaves, about -1..1, that wraps at its edges: (TEXTURE,TEXTURE). */
function backgroundTexture(): Float64Array {
  const texture = new Float64Array(TEXTURE * TEXTURE);
  for (const [octave, cell] of [16, 8, 4, 2].entries()) {
    const random = new RandomStream(0, RandomPurpose.drawing, octave);
    const side = TEXTURE / cell;
    const knots = Float64Array.from({ length: side * side }, () => random.between(-1, 1));
    const knot = (row: number, column: number) => knots[(row % side) * side + column % side]!;
    for (let y = 0; y < TEXTURE; y++) {
      for (let x = 0; x < TEXTURE; x++) {
        const row = Math.floor(y / cell);
        const column = Math.floor(x / cell);
        const below = y / cell - row;
        const right = x / cell - column;
        const upper = knot(row, column) + (knot(row, column + 1) - knot(row, column)) * right;
        const lower = knot(row + 1, column) +
          (knot(row + 1, column + 1) - knot(row + 1, column)) * right;
        texture[y * TEXTURE + x]! += 0.5 * (upper + (lower - upper) * below);
      }
    }
  }
  return texture;
}

function noiseTable(): Float64Array {
  const random = new RandomStream(0, RandomPurpose.drawing, 4);
  return Float64Array.from({ length: NOISE }, () => random.normal());
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
