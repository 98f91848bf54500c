/**
 * The ten classes of `signs`, drawn in a plane where a sign spans about -1..1, x to the right and y
 * down. Modelled on the signs of the Vienna Convention of 1968, not copied from any of them.
 */

import { disc, type Distance, type Point, polygon, stroke, union } from "./signed_distance.ts";

/** Red, green and blue, 0..1. */
export type Colour = readonly [red: number, green: number, blue: number];

/** One class: an outline with a rim, a face inside it, and a glyph on the face. */
export interface Sign {
  /** Class name. */
  readonly name: string;
  /** Outer edge of the rim. */
  readonly outline: Distance;
  /** Width of the rim. */
  readonly rimWidth: number;
  /** What is painted on the face. */
  readonly glyph: Distance;
  /** Colour of the rim. */
  readonly rim: Colour;
  /** Colour of the face. */
  readonly face: Colour;
  /** Colour of the glyph. */
  readonly ink: Colour;
}

const RED: Colour = [0.78, 0.09, 0.11];
const WHITE: Colour = [0.93, 0.93, 0.91];
const BLACK: Colour = [0.08, 0.08, 0.09];
const BLUE: Colour = [0.08, 0.3, 0.7];
const YELLOW: Colour = [0.95, 0.74, 0.1];

/** Strokes of digits in a box of -1..1, as "x,y" from the left and from the top. */
const NUMERALS = {
  "0": ["-1,-.5 -.5,-1 .5,-1 1,-.5 1,.5 .5,1 -.5,1 -1,.5 -1,-.5"],
  "3": [
    "-1,-.7 -.4,-1 .5,-1 .9,-.55 .5,-.05 -.2,-.05",
    ".5,-.05 1,.45 .5,1 -.4,1 -1,.7",
  ],
  "5": [".9,-1 -.8,-1 -.9,-.05 .4,-.15 1,.35 .5,1 -.4,1 -1,.7"],
  "8": [
    "-.4,-1 .4,-1 .85,-.5 .4,-.05 -.4,-.05 -.85,-.5 -.4,-1",
    ".4,-.05 1,.45 .5,1 -.5,1 -1,.45 -.4,-.05",
  ],
} as const;

/** Strokes of letters, likewise. */
const LETTERS = {
  S: ["1,-1 -1,-1 -1,0 1,0 1,1 -1,1"],
  T: ["-1,-1 1,-1", "0,-1 0,1"],
  O: ["-1,-1 1,-1 1,1 -1,1 -1,-1"],
  P: ["-1,1 -1,-1 1,-1 1,0 -1,0"],
} as const;

/** Points to the right. */
const ARROW = union(
  stroke([[-0.48, 0], [0.2, 0]], 0.14),
  polygon([[0.08, -0.44], [0.66, 0], [0.08, 0.44]]),
);

/** The classes in label order. */
export const SIGNS: readonly Sign[] = [
  {
    name: "stop",
    outline: octagon(),
    rimWidth: 0.1,
    glyph: union(letter("S", -0.54), letter("T", -0.18), letter("O", 0.18), letter("P", 0.54)),
    rim: WHITE,
    face: RED,
    ink: WHITE,
  },
  {
    name: "yield",
    outline: polygon([[-1.02, -0.8], [1.02, -0.8], [0, 0.98]]),
    rimWidth: 0.24,
    glyph: union(),
    rim: RED,
    face: WHITE,
    ink: BLACK,
  },
  {
    name: "warning",
    outline: polygon([[0, -0.98], [1.02, 0.8], [-1.02, 0.8]]),
    rimWidth: 0.18,
    glyph: union(stroke([[0, -0.28], [0, 0.2]], 0.1), stroke([[0, 0.45], [0, 0.46]], 0.11)),
    rim: RED,
    face: WHITE,
    ink: BLACK,
  },
  {
    name: "no entry",
    outline: disc(1),
    rimWidth: 0.08,
    glyph: polygon([[-0.66, -0.17], [0.66, -0.17], [0.66, 0.17], [-0.66, 0.17]]),
    rim: WHITE,
    face: RED,
    ink: WHITE,
  },
  {
    name: "priority road",
    outline: polygon([[0, -1.08], [1.08, 0], [0, 1.08], [-1.08, 0]]),
    rimWidth: 0.2,
    glyph: union(),
    rim: WHITE,
    face: YELLOW,
    ink: BLACK,
  },
  speedLimit("3"),
  speedLimit("5"),
  speedLimit("8"),
  {
    name: "turn left",
    outline: disc(1),
    rimWidth: 0.07,
    glyph: (x, y) => ARROW(-x, y),
    rim: WHITE,
    face: BLUE,
    ink: WHITE,
  },
  {
    name: "turn right",
    outline: disc(1),
    rimWidth: 0.07,
    glyph: ARROW,
    rim: WHITE,
    face: BLUE,
    ink: WHITE,
  },
];

function speedLimit(digit: "3" | "5" | "8"): Sign {
  return {
    name: `speed limit ${digit}0`,
    outline: disc(1),
    rimWidth: 0.22,
    glyph: union(numeral(digit, -0.27), numeral("0", 0.27)),
    rim: RED,
    face: WHITE,
    ink: BLACK,
  };
}

function numeral(digit: keyof typeof NUMERALS, centre: number): Distance {
  return character(NUMERALS[digit], centre, 0.18, 0.37, 0.075);
}

function letter(name: keyof typeof LETTERS, centre: number): Distance {
  return character(LETTERS[name], centre, 0.1, 0.26, 0.055);
}

/** Scales strokes to half a `width` and `height` about (`centre`,0) and draws them with a pen. */
function character(
  strokes: readonly string[],
  centre: number,
  width: number,
  height: number,
  pen: number,
): Distance {
  return union(...strokes.map((text) =>
    stroke(
      text.split(" ").map((pair): Point => {
        const [x, y] = pair.split(",").map(Number);
        return [centre + width * x!, height * y!];
      }),
      pen,
    )
  ));
}

function octagon(): Distance {
  const a = Math.SQRT2 - 1;
  return polygon([[-a, -1], [a, -1], [1, -a], [1, a], [a, 1], [-a, 1], [-1, a], [-1, -a]]);
}
