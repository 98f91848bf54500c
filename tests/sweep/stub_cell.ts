/**
 * Stands in for `defend` in tests of sweeps: counts steps into its run folder, can be resumed, killed
 * and told to fail, and its results are a function of its flags. Every line that it adds to the
 * journal is one call of the system, so lines of several processes do not mix.
 */

import "../../src/sweep/watch_parent.ts";
import { writeFileAtomic } from "../../src/formats/write_file.ts";

/** Steps of a run. */
const STEPS = 5;

interface Run {
  command: string;
  deno: string;
  adapter: string;
  lethe: string;
  settings: Record<string, string>;
  started: string;
  steps: number;
  finished: boolean;
  seconds: number;
  flags: Record<string, string>;
  results: Record<string, unknown>;
}

const flags: Record<string, string> = {};
for (let i = 0; i < Deno.args.length; i++) {
  const [flag = "", text] = Deno.args[i]!.split(/=(.*)/s);
  const key = flag.replace(/^--/, "");
  const value = text ?? Deno.args[++i]!;
  flags[key] = key === "before" && flags.before ? `${flags.before} ${value}` : value;
}
const folder = flags.resume ?? flags.out!;
const run: Run = flags.resume === undefined
  ? {
    command: "defend",
    deno: Deno.version.deno,
    adapter: "stub",
    lethe: "0.0.0",
    settings: {},
    started: new Date().toISOString(),
    steps: 0,
    finished: false,
    seconds: 0,
    flags,
    results: {},
  }
  : JSON.parse(Deno.readTextFileSync(`${folder}/run.json`));
const { journal = "", id = "", milliseconds = "20", fail, needs } = run.flags;

function note(text: string): void {
  if (journal !== "") Deno.writeTextFileSync(journal, `${text} ${id}\n`, { append: true });
}

async function save(): Promise<void> {
  await writeFileAtomic(`${folder}/run.json`, new TextEncoder().encode(JSON.stringify(run)));
}

function stop(message: string, code = 1): never {
  console.error(`error: ${message}`);
  Deno.exit(code);
}

note(flags.resume === undefined ? "begin" : "resume");
if (fail === "usage") stop("it was called in a wrong way", 2);
if (fail === "always") stop("it always fails");
Deno.mkdirSync(folder, { recursive: true });
const alone = await Deno.open(`${folder}/alone`, { create: true, write: true });
if (!await alone.tryLock(true)) note("overlap");
Deno.addSignalListener("SIGINT", () => {
  note("stop");
  stop("stopped; go on with --resume");
});
if (fail === "file" && !await Deno.stat(needs!).then(() => true, () => false)) {
  await save();
  stop(`cannot find ${needs}`);
}
if (fail === "resumed" && flags.resume !== undefined) stop("it cannot be resumed");
console.log("some output");
while (run.steps < STEPS) {
  await new Promise((resolve) => setTimeout(resolve, Number(milliseconds)));
  run.steps++;
  await save();
  note("step");
  if (fail === "once" && flags.resume === undefined) stop("it fails once");
  if (
    fail === "resumed" && run.steps === 2 &&
    !Deno.readTextFileSync(journal).includes(`resume ${id}`)
  ) {
    stop("it fails before it was resumed");
  }
}
const seed = Number(run.flags.seed ?? 1);
const nad = run.flags.defense === "nad";
const evaluation = (accuracy: number, success: number, recovered: number) => ({
  model: "model.safetensors",
  dataset: "signs",
  samples: 1000,
  correct: Math.round(1000 * accuracy),
  accuracy,
  adapter: "stub",
  seconds: 1,
  attack: {
    name: "badnets",
    target: 7,
    samples: 900,
    success: Math.round(900 * success),
    successRate: success,
    correct: Math.round(900 * recovered),
    recoveredAccuracy: recovered,
    correctNonTarget: Math.round(900 * accuracy),
    accuracyNonTarget: accuracy,
  },
});
run.results = {
  before: evaluation(0.9, 1, 0),
  after: evaluation(0.85 + seed / 100, nad ? 0.03 : 0.1 + seed / 50, nad ? 0.8 : 0.7 - seed / 100),
};
run.seconds = 2;
run.finished = true;
await save();
note("finish");
Deno.exit(0);
