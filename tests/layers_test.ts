/**
 * The order of the layers: the table below is their documentation, and every import is held against
 * it. A room imports from lower floors only, and no file imports itself by way of others.
 */

import assert from "node:assert/strict";

/** Rooms by floor, the ground first: what knows least stands lowest. */
const FLOORS: readonly (readonly string[])[] = [
  // Words, numbers and WGSL: nothing of this project below them.
  ["src/errors.ts", "src/version.ts", "src/text", "shaders"],
  // Bytes: on the device, and in files.
  ["src/gpu", "src/formats"],
  // Symbolic tensors; images, triggers and random numbers in ordinary memory.
  ["src/tensor", "src/data"],
  // Networks.
  ["src/nn", "src/reference"],
  // Epochs, batches, evaluation.
  ["src/train"],
  // What is done with trained networks, and what is kept of it.
  ["src/attacks", "src/defenses", "src/audit", "src/runs", "src/tuning"],
  // Every setting of those; the device held to account.
  ["src/settings", "src/bench", "src/doctor"],
  // What was found, for people.
  ["src/report"],
  // Whole jobs, one and many.
  ["src/jobs", "src/sweep"],
  // Faces: command line, page, modules.
  ["tasks", "page", "."],
];

/** Every TypeScript file of `folder`, by its path from the project's root. */
function filesIn(folder: string): string[] {
  const found: string[] = [];
  let entries: Deno.DirEntry[] = [];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    // A room that is not built yet.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const { name, isDirectory } of entries) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...filesIn(path));
    else if (name.endsWith(".ts")) found.push(path);
  }
  return found;
}

/** The files that each file imports or re-exports from, types included. */
function importGraph(): Map<string, string[]> {
  const roots = [...Deno.readDirSync(".")].map(({ name }) => name)
    .filter((name) => name.endsWith(".ts"));
  const files = [...["src", "shaders", "tasks", "page"].flatMap(filesIn), ...roots];
  return new Map(files.map((file) => {
    const text = Deno.readTextFileSync(file);
    const base = new URL(file, "file:///");
    const imports = text.matchAll(/^(?:import|export)\b[^;"]*?(?:from )?"(\.[^"]+)"/gm);
    return [
      file,
      [...imports].map(([, path]) => new URL(path!, base).pathname.slice(1))
        .filter((path) => path.endsWith(".ts")),
    ];
  }));
}

/** `src/nn` of `src/nn/model.ts`, `.` of `mod.ts`. */
function roomOf(file: string): string {
  const [first = "", second, third] = file.split("/");
  if (second === undefined) return ".";
  if (first !== "src") return first;
  return third === undefined ? file : `${first}/${second}`;
}

const floorOf = (room: string) => FLOORS.findIndex((rooms) => rooms.includes(room));

const GRAPH = importGraph();

Deno.test("every room has a place on one of ten floors at most", () => {
  assert.ok(FLOORS.length <= 10);
  const rooms = new Set([...GRAPH.keys()].map(roomOf));
  assert.deepEqual([...rooms].filter((room) => floorOf(room) < 0), []);
});

Deno.test("no room imports from its own floor or from one above", () => {
  const wrong: string[] = [];
  for (const [file, imports] of GRAPH) {
    for (const imported of imports) {
      const [from, to] = [roomOf(file), roomOf(imported)];
      if (from !== to && floorOf(to) >= floorOf(from)) wrong.push(`${file} imports ${imported}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("no file imports itself by way of others", () => {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    const at = way.indexOf(file);
    if (at >= 0) assert.fail(`a circle: ${[...way.slice(at), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const imported of GRAPH.get(file) ?? []) visit(imported, [...way, file]);
    done.add(file);
  };
  for (const file of GRAPH.keys()) visit(file, []);
  assert.ok(done.size > 100, "the imports were not read");
});
