/** Draws the random circumstances of one `signs` image: pose, paint, background, light, lens. */

import type { RandomStream } from "./random.ts";
import type { Colour, Sign } from "./signs_shapes.ts";

/** A soft-edged rectangle or ellipse in the image. */
export interface Blob {
  /** Centre, pixels. */
  readonly x: number;
  /** Centre, pixels. */
  readonly y: number;
  /** Half width, pixels. */
  readonly width: number;
  /** Half height, pixels. */
  readonly height: number;
  /** Cosine and sine of its rotation. */
  readonly turn: Turn;
  /** Whether its corners are cut to an ellipse. */
  readonly round: boolean;
  /** Its colour. */
  readonly colour: Colour;
}

/** Cosine and sine of an angle. */
export type Turn = readonly [cosine: number, sine: number];

/**
 * Where a sign is: image point (x,y), relative to the centre, lies at
 * `(a x + b y, c x + d y) / (1 + e x + f y)` on the sign.
 */
export interface Pose {
  /** Centre of the sign, pixels. */
  readonly x: number;
  /** Centre of the sign, pixels. */
  readonly y: number;
  /** Radius of the sign, pixels. */
  readonly radius: number;
  /** a, b, c, d, e, f of the map from the image to the sign. */
  readonly map: readonly [number, number, number, number, number, number];
}

/** Everything that an image shows, but for its noise. */
export interface Scene {
  /** The two colours between which the background varies. */
  readonly background: readonly [Colour, Colour];
  /** Strength of the background's texture, 0..1. */
  readonly texture: number;
  /** Change of the background mix from the left to the right and from the top to the bottom. */
  readonly backgroundSlope: readonly [number, number];
  /** Things behind the sign, furthest first. */
  readonly clutter: readonly Blob[];
  /** Things in front of the sign. */
  readonly occluders: readonly Blob[];
  /** Where the sign is. */
  readonly pose: Pose;
  /** Colours of rim, face and ink. */
  readonly paint: readonly [Colour, Colour, Colour];
  /** Light at the centre, as a factor a channel. */
  readonly light: Colour;
  /** Change of the light across the image, to the right and down. */
  readonly lightSlope: readonly [number, number];
  /** Light in the shadow, 0..1, and the shadow's edge: a point and a direction. */
  readonly shadow: {
    readonly factor: number;
    readonly x: number;
    readonly y: number;
    readonly turn: Turn;
  };
  /** Haze that is added to everything, 0..1. */
  readonly haze: number;
  /** Weight of each neighbour in a (w, 1-2w, w) blur, 0..1/3. */
  readonly blur: number;
  /** How often that blur is applied. */
  readonly blurPasses: number;
  /** Standard deviation of the sensor noise, 0..1. */
  readonly noise: number;
}

/** What stands at the roadside: sky, cloud, leaves, grass, asphalt, concrete, brick, bark. */
const SURROUNDINGS: readonly Colour[] = [
  [0.5, 0.66, 0.86],
  [0.82, 0.85, 0.88],
  [0.16, 0.3, 0.12],
  [0.38, 0.48, 0.2],
  [0.32, 0.32, 0.34],
  [0.62, 0.6, 0.57],
  [0.52, 0.3, 0.22],
  [0.3, 0.23, 0.17],
];

/** Colours of cars, posters and other signs, so that no colour gives a class away. */
const VIVID: readonly Colour[] = [
  [0.75, 0.1, 0.12],
  [0.1, 0.3, 0.7],
  [0.92, 0.75, 0.15],
  [0.94, 0.94, 0.92],
  [0.07, 0.07, 0.08],
];

/** A scene with `sign`; draws from `random` only. `side` is the image's side in pixels. */
export function drawScene(sign: Sign, random: RandomStream, side: number): Scene {
  const pose = drawPose(random, side);
  const fading = 0.3 * random.uniform() * random.uniform();
  const tint = random.between(-0.04, 0.04);
  const paint = (colour: Colour): Colour => {
    const wear = random.between(0.9, 1.06);
    return [
      mix(colour[0], 0.55, fading) * wear + tint,
      mix(colour[1], 0.55, fading) * wear,
      mix(colour[2], 0.55, fading) * wear - tint,
    ];
  };
  const brightness = random.between(0.28, 1.15);
  const warmth = random.between(-0.07, 0.07);
  return {
    background: [surrounding(random), surrounding(random)],
    texture: random.between(0, 0.5),
    backgroundSlope: [random.between(-0.6, 0.6), random.between(-1, 1)],
    clutter: drawClutter(random, pose, side),
    occluders: drawOccluders(random, pose),
    pose,
    paint: [paint(sign.rim), paint(sign.face), paint(sign.ink)],
    light: [brightness * (1 + warmth), brightness, brightness * (1 - warmth)],
    lightSlope: [random.between(-0.25, 0.25), random.between(-0.25, 0.25)],
    shadow: {
      factor: random.uniform() < 0.3 ? random.between(0.4, 0.8) : 1,
      x: random.between(0.2, 0.8) * side,
      y: random.between(0.2, 0.8) * side,
      turn: drawTurn(random, 1),
    },
    haze: 0.45 * random.uniform() * random.uniform(),
    blur: random.between(0, 0.33),
    blurPasses: random.uniform() < 0.25 ? 2 : 1,
    noise: 0.01 + 0.1 * random.uniform() * random.uniform(),
  };
}

/** Rotation, shear, stretch and a hint of perspective, all small: signs stand upright. */
function drawPose(random: RandomStream, side: number): Pose {
  const radius = random.between(0.23, 0.43) * side;
  const margin = 0.5 * side - 0.85 * radius;
  const [cosine, sine] = drawTurn(random, 0.12);
  const shear = random.between(-0.15, 0.15);
  const across = 1 / (radius * random.between(0.82, 1.02));
  const down = 1 / radius;
  return {
    x: 0.5 * side + random.between(-margin, margin),
    y: 0.5 * side + random.between(-margin, margin),
    radius,
    map: [
      across * (cosine + shear * sine),
      across * (sine - shear * cosine),
      -down * sine,
      down * cosine,
      random.between(-0.2, 0.2) / side,
      random.between(-0.2, 0.2) / side,
    ],
  };
}

function drawClutter(random: RandomStream, pose: Pose, side: number): Blob[] {
  const clutter: Blob[] = [];
  for (let count = 2 + random.below(4); count > 0; count--) {
    clutter.push({
      x: random.between(0, side),
      y: random.between(0, side),
      width: random.between(0.04, 0.3) * side,
      height: random.between(0.04, 0.3) * side,
      turn: drawTurn(random, 1),
      round: random.uniform() < 0.4,
      colour: random.uniform() < 0.35 ? vary(pick(VIVID, random), random) : surrounding(random),
    });
  }
  if (random.uniform() < 0.6) {
    const grey = random.between(0.25, 0.75);
    clutter.push({
      x: pose.x,
      y: pose.y + 0.5 * side,
      width: random.between(0.02, 0.05) * side,
      height: 0.5 * side,
      turn: drawTurn(random, 0.03),
      round: false,
      colour: [grey, grey, grey],
    });
  }
  return clutter;
}

/** In one image of four a leaf, a sticker or a branch covers a part of the sign. */
function drawOccluders(random: RandomStream, pose: Pose): Blob[] {
  if (random.uniform() >= 1 / 4) return [];
  return [{
    x: pose.x + random.between(-0.9, 0.9) * pose.radius,
    y: pose.y + random.between(-0.9, 0.9) * pose.radius,
    width: random.between(0.1, 0.4) * pose.radius,
    height: random.between(0.1, 0.6) * pose.radius,
    turn: drawTurn(random, 1),
    round: random.uniform() < 0.5,
    colour: surrounding(random),
  }];
}

/**
 * A rotation by up to 2 arctan(`limit`): with 1, up to a quarter turn to either side. From the
 * rational parametrisation of the circle, exact on every machine.
 */
function drawTurn(random: RandomStream, limit: number): Turn {
  const t = random.between(-limit, limit);
  return [(1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)];
}

function surrounding(random: RandomStream): Colour {
  return vary(pick(SURROUNDINGS, random), random);
}

function vary([red, green, blue]: Colour, random: RandomStream): Colour {
  const factor = random.between(0.7, 1.2);
  const tint = random.between(-0.06, 0.06);
  return [red * factor + tint, green * factor, blue * factor - tint];
}

function pick<T>(choices: readonly T[], random: RandomStream): T {
  return choices[random.below(choices.length)]!;
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}
