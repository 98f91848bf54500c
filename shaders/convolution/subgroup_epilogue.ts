/** What an image kernel for subgroups does with its finished accumulators before it stores them. */

import type { Binding } from "../kernel.ts";
import { component, unroll, vectorOf, vectorType } from "./lanes.ts";
import type { ImagePlan, ImageProblem } from "./subgroup_plan.ts";

/** Which steps, in this order: addition, then either of the other two. */
export interface Epilogue {
  /** Adds the binding `addend`, shaped like the destination. */
  readonly add: boolean;
  /** Writes mean and squared deviations of every channel of the tile to `partials`. */
  readonly statistics: boolean;
  /** Multiplies by [scale x + shift > 0] and writes sums of the result to `partials`. */
  readonly normalised: boolean;
}

/** Name of the accumulator of pixel `index` of the tile in lane group `group`. */
export function accumulator(index: number, group: number): string {
  return `sum${group}_${index}`;
}

/** Bindings that the epilogue reads and writes besides the destination. */
export function epilogueBindings(
  problem: ImageProblem,
  plan: ImagePlan,
  epilogue: Epilogue,
): { reads: Binding[]; writes: Binding[] } {
  const { channels, height, width } = problem.destination;
  const image = {
    elements: problem.batch * channels * height * width / plan.destinationVector,
    type: vectorType(plan.destinationVector),
  };
  const reads: Binding[] = [];
  if (epilogue.add) reads.push({ name: "addend", ...image });
  if (epilogue.normalised) {
    reads.push({ name: "input", ...image }, { name: "coefficients", elements: 3 * channels });
  }
  const parts = problem.batch * plan.tiles;
  const writes: Binding[] = epilogue.statistics || epilogue.normalised
    ? [{ name: "partials", elements: parts * channels * 2 }]
    : [];
  return { reads, writes };
}

function writeGroup(
  problem: ImageProblem,
  plan: ImagePlan,
  epilogue: Epilogue,
  group: number,
): string {
  const { channels, height, width } = problem.destination;
  const size = plan.destinationVector;
  const pixels = plan.tile.rows * width;
  const channel = `channel${group}`;
  const lines: string[] = [
    `let to${group} = ((n * ${channels}u + ${channel}) * ${height * width}u + ` +
    `tile * ${pixels}u) / ${size}u;`,
  ];
  const eachVector = (write: (vector: number, names: string[]) => string) =>
    unroll(
      pixels / size,
      (v) => write(v, Array.from({ length: size }, (_, i) => accumulator(v * size + i, group))),
    );
  if (epilogue.add) {
    lines.push(eachVector((v, names) =>
      `let more${group}_${v} = addend[to${group} + ${v}u];\n` +
      names.map((name, i) => `${name} += ${component(`more${group}_${v}`, size, i)};`).join("\n")
    ));
  }
  const writePartials = (first: string, second: string) =>
    `let part${group} = ((n * ${plan.tiles}u + tile) * ${channels}u + ${channel}) * 2u;\n` +
    `partials[part${group}] = ${first};\npartials[part${group} + 1u] = ${second};`;
  if (epilogue.statistics) {
    const all = Array.from({ length: pixels }, (_, i) => accumulator(i, group));
    lines.push(
      `let mean${group} = (${all.join(" + ")}) / ${pixels}.0;`,
      `var squares${group} = 0.0;`,
      unroll(pixels, (i) =>
        `let off${group}_${i} = ${all[i]} - mean${group}; ` +
        `squares${group} += off${group}_${i} * off${group}_${i};`),
      writePartials(`mean${group}`, `squares${group}`),
    );
  }
  if (epilogue.normalised) {
    lines.push(
      `let scale${group} = coefficients[${channel}];`,
      `let shift${group} = coefficients[${channels}u + ${channel}];`,
      `let mean${group} = coefficients[${2 * channels}u + ${channel}];`,
      `var total${group} = 0.0;`,
      `var weighted${group} = 0.0;`,
      eachVector((v, names) =>
        `let input${group}_${v} = input[to${group} + ${v}u];\n` +
        names.map((name, i) => {
          const value = component(`input${group}_${v}`, size, i);
          return `${name} = select(0.0, ${name}, ` +
            `${value} * scale${group} + shift${group} > 0.0); total${group} += ${name}; ` +
            `weighted${group} += ${name} * (${value} - mean${group});`;
        }).join("\n")
      ),
      writePartials(`total${group}`, `weighted${group}`),
    );
  }
  lines.push(eachVector((v, names) => `result[to${group} + ${v}u] = ${vectorOf(names)};`));
  return lines.join("\n");
}

/** WGSL of the epilogue and the stores; expects `n`, `tile`, `k0` and `lane` in scope. */
export function writeEpilogue(problem: ImageProblem, plan: ImagePlan, epilogue: Epilogue): string {
  const { channels } = problem.destination;
  const { lanes, laneGroups } = plan.tile;
  const partial = channels % (lanes * laneGroups) !== 0;
  return unroll(laneGroups, (group) => {
    const body = writeGroup(problem, plan, epilogue, group);
    const channel = `let channel${group} = k0 + ${group * lanes}u + lane;`;
    return partial
      ? `${channel}\nif (channel${group} < ${channels}u) {\n${body}\n}`
      : `${channel}\n${body}`;
  });
}
