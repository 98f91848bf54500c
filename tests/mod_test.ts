/** mod.ts in other programs: imported by path and by URL, with nothing of this project's settings. */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { withTemporaryFolder } from "./data/temporary_folder.ts";
import { ROOT } from "./tasks/command.ts";

/** A program of somebody else: the whole job on a network and images as small as they can be. */
const program = (specifier: string) => `
import {
  badnets, buildBackdoor, defend, evaluateModel, implant, loadModel, loadSigns, nad, openGpu,
  PLAIN_PREPROCESSING, poison, readSafetensors, RECIPES, recipeSettings, uploadImages, VERSION,
  wideResNet, writeSafetensors, type DefenseSettings, type Evaluation,
} from ${JSON.stringify(specifier)};

const gpu = await openGpu();
const { train, test } = loadSigns({ trainCount: 64, testCount: 32 });
const architecture = wideResNet(10, 1, 10);
const preprocessing = PLAIN_PREPROCESSING;
const recipe = { ...RECIPES.paper, epochs: 1, teacherEpochs: 1, batchSize: 32 };
const settings: DefenseSettings = recipeSettings(recipe, {
  images: 64, preprocessing, flip: false, seed: 1,
});
const target = { mode: "all2one", label: 7 } as const;
const backdoor = buildBackdoor({ name: "badnets", target, options: {}, seed: 1 }, train);
const poisoning = poison(train.labels, 10, badnets, { target, rate: 0.1, seed: 1 });
const { state } = await implant(gpu, {
  architecture, train, test, preprocessing, training: settings.training,
  attack: { backdoor, poisoning },
});
const results: Evaluation[] = [];
const cleaned = await defend(gpu, {
  defense: nad, student: { architecture, state, source: "a test" }, clean: train, settings,
  measurement: { test, preprocessing, backdoor },
}, { onEvaluated: (_stage, evaluation) => Promise.resolve(void results.push(evaluation)) });
const { tensors } = readSafetensors(writeSafetensors(cleaned), "a test");
const model = loadModel(gpu, architecture, tensors, "a test");
const again = await evaluateModel(gpu, model, uploadImages(gpu, test), { preprocessing, backdoor });
gpu.close();
console.log(JSON.stringify({
  version: VERSION,
  samples: results.map(({ samples, attack }) => [samples, attack?.samples]),
  after: [results[2]?.correct, results[2]?.attack?.success],
  again: [again.correct, again.attack?.success],
}));
`;

/** Runs the program in a folder of its own and returns what it printed. */
async function runElsewhere(specifier: string, ...permissions: string[]): Promise<unknown> {
  let printed: unknown;
  await withTemporaryFolder(async (folder) => {
    // The libraries are what any program has to set that uses WebGPU.
    const compilerOptions = { strict: true, lib: ["deno.window", "deno.unstable"] };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ compilerOptions }));
    await Deno.writeTextFile(`${folder}/main.ts`, program(specifier));
    const { code, stdout, stderr } = await new Deno.Command("deno", {
      args: ["run", "--check", "--no-prompt", "--no-lock", ...permissions, "main.ts"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    printed = JSON.parse(new TextDecoder().decode(stdout));
  });
  return printed;
}

function assertWholeJob(printed: unknown): void {
  const { version, samples, after, again } = printed as Record<string, unknown>;
  assert.match(String(version), /^\d+\.\d+\.\d+$/);
  // Of 32 images, 3 or 4 are of the target class.
  const [before] = samples as [[number, number]];
  assert.equal(before[0], 32);
  assert.ok(before[1] === 28 || before[1] === 29, `${before[1]} images to attack`);
  assert.deepEqual(samples, [before, before, before]);
  assert.deepEqual(again, after);
}

Deno.test("mod.ts does the whole job when it is imported by path", async () => {
  assertWholeJob(await runElsewhere(pathToFileURL(`${ROOT}/mod.ts`).href));
});

Deno.test("mod.ts does the whole job when it is imported by URL", async () => {
  const served: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    try {
      const text = await Deno.readTextFile(ROOT + pathname);
      served.push(pathname);
      const type = pathname.endsWith(".json") ? "application/json" : "application/typescript";
      return new Response(text, { headers: { "content-type": type } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
  try {
    const host = `127.0.0.1:${server.addr.port}`;
    assertWholeJob(await runElsewhere(`http://${host}/mod.ts`, `--allow-import=${host}`));
  } finally {
    await server.shutdown();
  }
  assert.ok(served.includes("/mod.ts") && served.includes("/deno.json"));
  assert.ok(served.every((path) => !path.startsWith("/tests/") && !path.startsWith("/tasks/")));
});
