/**
 * Signed distances from a point to the edge of a shape; negative is inside.
 *
 * Only exactly rounded operations are used, so every machine computes equal bits.
 */

/** Signed distance of (x,y), x to the right and y down. */
export type Distance = (x: number, y: number) => number;

/** A place in the same plane. */
export type Point = readonly [x: number, y: number];

/** Stands for "far from everything": larger than any distance on a sign. */
const FAR = 9;

/** A disc about the origin. */
export function disc(radius: number): Distance {
  return (x, y) => Math.sqrt(x * x + y * y) - radius;
}

/** The parts together; no part at all is far from everywhere. */
export function union(...parts: Distance[]): Distance {
  return (x, y) => parts.reduce((nearest, part) => Math.min(nearest, part(x, y)), FAR);
}

/** A line of round pens through `points`. */
export function stroke(points: readonly Point[], radius: number): Distance {
  return (x, y) => {
    let nearest = FAR;
    for (let i = 0; i + 1 < points.length; i++) {
      nearest = Math.min(nearest, segmentDistance(x, y, points[i]!, points[i + 1]!));
    }
    return nearest - radius;
  };
}

/** A convex polygon, its corners clockwise as seen (y points down). */
export function polygon(corners: readonly Point[]): Distance {
  return (x, y) => {
    let nearest = FAR;
    let inside = true;
    for (let i = 0; i < corners.length; i++) {
      const a = corners[i]!;
      const b = corners[(i + 1) % corners.length]!;
      nearest = Math.min(nearest, segmentDistance(x, y, a, b));
      if ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) < 0) inside = false;
    }
    return inside ? -nearest : nearest;
  };
}

function segmentDistance(x: number, y: number, [ax, ay]: Point, [bx, by]: Point): number {
  const dx = bx - ax;
  const dy = by - ay;
  const t = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
  const clamped = Math.max(0, Math.min(1, t));
  const ex = x - ax - clamped * dx;
  const ey = y - ay - clamped * dy;
  return Math.sqrt(ex * ex + ey * ey);
}
