/** How much work a GPU is given at once: drivers reset one that takes too long over a submission. */

import assert from "node:assert/strict";
import { advanceKernel } from "../../shaders/metrics.ts";
import { openDevice } from "../../src/gpu/adapter.ts";
import { Gpu, MAX_DISPATCHES } from "../../src/gpu/gpu.ts";
import { buildProgram, type Program } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { locatedTensor } from "../../src/tensor/tensor.ts";
import { runSteps } from "../../src/train/run_steps.ts";

/** What was submitted. */
interface Submission {
  readonly runs: number;
  /** Dispatches of a command buffer. */
  readonly most: number;
  /** What was known of a run then. */
  readonly seconds: number | undefined;
  /** Fences awaited before it. */
  readonly fences: number;
}

/** A program of `kernels` dispatches on what passes for a GPU or a software driver. */
async function counted(
  kernels: number,
  software: boolean,
  body: (gpu: Gpu, program: Program, submissions: Submission[]) => Promise<void>,
): Promise<void> {
  const { device, description } = await openDevice();
  const gpu = new Gpu(device, { ...description, software });
  const state = locatedTensor([4], gpu.createBuffer(16, "state"), "state", "u32");
  const tape = new Tape(gpu.capabilities);
  for (let i = 0; i < kernels; i++) tape.run(advanceKernel(), [], [state]);
  const program = buildProgram(gpu, tape);
  const submissions: Submission[] = [];
  const submit = gpu.submit.bind(gpu);
  gpu.submit = (dispatches, runs = 1, most = MAX_DISPATCHES) => {
    const { counters: { fences } } = gpu;
    submissions.push({ runs, most, seconds: program.secondsPerRun, fences });
    submit(dispatches, runs, most);
  };
  await body(gpu, program, submissions);
  const [bytes] = await gpu.read(state.location!);
  const runs = submissions.reduce((sum, submission) => sum + submission.runs, 0);
  assert.equal(new Uint32Array(bytes!)[0], kernels * runs, "every dispatch ran once");
  gpu.close();
}

Deno.test("a GPU's first step runs alone in pieces, later submissions take a tenth of a second", async () => {
  await counted(40, false, async (gpu, program, submissions) => {
    const before = gpu.counters.submits;
    await runSteps(gpu, program, 300);
    assert.ok(gpu.counters.submits - before >= 3 + submissions.length - 1);
    const [first, second] = submissions;
    assert.deepEqual(first, { runs: 1, most: 16, seconds: undefined, fences: 0 });
    assert.equal(second!.fences, 1, "the second waits for what the first has taken");
    for (const { runs, most, seconds } of submissions.slice(1)) {
      assert.ok(runs === 1 || runs * seconds! <= 0.15, `${runs} runs of ${seconds} s`);
      assert.ok(most === 1 || most * seconds! / 40 <= 0.101, `${most} dispatches`);
    }
    assert.equal(submissions.reduce((sum, { runs }) => sum + runs, 0), 300);
  });
});

Deno.test("a step that takes a second is cut into pieces of a tenth on a GPU", async () => {
  await counted(40, false, (_gpu, program, submissions) => {
    program.secondsPerRun = 1;
    program.run();
    program.secondsPerRun = 100;
    program.run();
    assert.deepEqual(submissions.map(({ most }) => most), [4, 1]);
    return Promise.resolve();
  });
});

Deno.test("no submission has more than 20,000 dispatches, however fast they seem", async () => {
  await counted(150, true, async (gpu, program) => {
    const before = gpu.counters.submits;
    program.run(150);
    await gpu.finish();
    assert.equal(gpu.counters.submits - before, 2);
  });
  await counted(150, false, async (gpu, program, submissions) => {
    program.secondsPerRun = 1e-9;
    await runSteps(gpu, program, 200);
    assert.ok(submissions[0]!.runs <= MAX_DISPATCHES / 150);
  });
});
