/** Runs that are stopped or killed go on to the same bits as a run that was left alone. */

import assert from "node:assert/strict";
import { RandomPurpose, RandomStream } from "../../src/data/random.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { filesUnder, finish, runTask, start } from "./command.ts";
import { TINY_DATA, TINY_ERASURE, writeTinyModel } from "./tiny_model.ts";

/** Files of a run folder that must not depend on interruptions. */
const MODELS = ["student.safetensors", "teacher.safetensors"] as const;

/** Temporary files that a killed process may leave behind. */
const temporary = (name: string) => name.endsWith(".tmp");

const ARGS = [
  "--model",
  "tiny.safetensors",
  "--attack",
  "recorded",
  ...TINY_DATA,
  ...TINY_ERASURE,
];

/** A run that nothing disturbs: its models, metrics without times, and how long it took. */
async function undisturbed(folder: string) {
  const start = performance.now();
  const { code, stderr } = await runTask("erase", [...ARGS, "--out", "whole"], { folder });
  assert.equal(code, 0, stderr);
  const milliseconds = performance.now() - start;
  return { milliseconds, metrics: await metricsOf(`${folder}/whole`) };
}

/** The lines of `metrics.jsonl` but for the speed. */
async function metricsOf(run: string): Promise<unknown[]> {
  const text = await Deno.readTextFile(`${run}/metrics.jsonl`);
  return text.trim().split("\n").map((line) => ({ ...JSON.parse(line), imagesPerSecond: 0 }));
}

/** Asserts that the finished run `name` equals the undisturbed one. */
async function assertSameAsWhole(folder: string, name: string, metrics: unknown[]): Promise<void> {
  for (const file of MODELS) {
    const [found, expected] = await Promise.all(
      [name, "whole"].map((run) => Deno.readFile(`${folder}/${run}/${file}`)),
    );
    assert.deepEqual(found, expected, `${name}/${file}`);
  }
  assert.deepEqual(await metricsOf(`${folder}/${name}`), metrics);
  const files = (await filesUnder(`${folder}/${name}`)).filter((file) => !temporary(file));
  assert.deepEqual(files, await filesUnder(`${folder}/whole`));
  const record = JSON.parse(await Deno.readTextFile(`${folder}/${name}/run.json`));
  assert.equal(record.finished, true);
  assert.deepEqual(Object.keys(record.results).sort(), ["after", "before", "teacher"]);
}

Deno.test("an interrupted or killed erase goes on to the very same models", async (test) => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const { milliseconds, metrics } = await undisturbed(folder);

    await test.step("SIGINT after the first epoch: exit code 130 and how to go on", async () => {
      const child = start("erase", [...ARGS, "--out", "stopped"], { folder });
      let stderr = "";
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        if (!stderr.includes("teacher epoch 1/2") && text.includes("teacher epoch 1/2")) {
          child.kill("SIGINT");
        }
        stderr += text;
      }
      await child.stdout.cancel();
      assert.equal((await child.status).code, 130);
      assert.match(stderr, /Stopping after the steps in flight; Ctrl-C again quits at once\./);
      assert.match(stderr, /stopped; go on with: deno task erase --resume .*stopped\n$/);
      assert.doesNotMatch(stderr, /Uncaught|student epoch/);
      // From another folder: the paths of the run do not depend on it.
      const resumed = await runTask("erase", ["--resume", `${folder}/stopped`]);
      assert.equal(resumed.code, 0, resumed.stderr);
      assert.doesNotMatch(resumed.stderr, /teacher epoch 1\/2/);
      await assertSameAsWhole(folder, "stopped", metrics);
    });

    await test.step("SIGKILL at random moments", async () => {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      const random = new RandomStream(seed, RandomPurpose.order);
      let args = [...ARGS, "--out", "killed"];
      for (let kills = 0; kills < 3; kills++) {
        const child = start("erase", args, { folder });
        // From a little after the start, so that most kills hit the work and not the loading.
        const timer = setTimeout(
          () => child.kill("SIGKILL"),
          milliseconds * random.between(0.3, 1),
        );
        const { stderr, code } = await finish(child);
        clearTimeout(timer);
        assert.doesNotMatch(stderr, /error:/, `seed ${seed}`);
        const begun = (await filesUnder(folder)).includes("killed/run.json");
        args = begun ? ["--resume", "killed"] : args;
        // It was faster than the signal: what is left to show is that it can be resumed all the same.
        if (code === 0) break;
      }
      const { code, stderr } = await runTask("erase", args, { folder });
      assert.equal(code, 0, `seed ${seed}: ${stderr}`);
      await assertSameAsWhole(folder, "killed", metrics);
    });

    await test.step("a model that has changed since is refused", async () => {
      const path = `${folder}/tiny.safetensors`;
      const bytes = await Deno.readFile(path);
      await Deno.writeFile(path, bytes.with(bytes.length - 1, 1));
      const { code, stderr } = await runTask("erase", ["--resume", "killed"], { folder });
      assert.equal(code, 1);
      assert.match(stderr, /cannot resume: .*tiny\.safetensors has changed since the run began/);
    });
  });
});
