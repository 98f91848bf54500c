import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { batchNorm } from "../../src/tensor/operations/batch_norm.ts";
import { add, relu } from "../../src/tensor/operations/elementwise.ts";
import { averagePool } from "../../src/tensor/operations/pool.ts";
import { buildProgram } from "../../src/tensor/program.ts";
import { Tape } from "../../src/tensor/tape.ts";
import { size, type Tensor } from "../../src/tensor/tensor.ts";
import { addKernel } from "../../shaders/elementwise.ts";
import { gpu } from "../gpu/device.ts";
import { assertNear } from "../reference/compare.ts";
import { normalize } from "../../src/reference/batch_norm.ts";
import { averagePool as poolReference, windowPool } from "../reference/pool.ts";
import { relu as reluReference } from "../reference/relu.ts";
import { normalValues } from "../reference/values.ts";
import { free, type Input, normalInput, upload } from "./record.ts";

const SEED = 20_250_615;

/** One operation of a random program; numbers are taken modulo the tensors that there are. */
interface Operation {
  readonly kind: "add" | "relu" | "pool";
  readonly a: number;
  readonly b: number;
}

const operationArbitrary: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom("add", "add", "relu", "pool"),
  a: fc.nat(1000),
  b: fc.nat(1000),
});

/** (2,2,H,H) of random numbers, for H of 8 and 4. */
const INPUTS: readonly Input[] = [
  normalInput([2, 2, 8, 8], 1),
  normalInput([2, 2, 8, 8], 2),
  normalInput([2, 2, 4, 4], 3),
];

/** Records the operations; adds tensors of one size only, pools only the larger. */
function record(tape: Tape, inputs: readonly Tensor[], operations: readonly Operation[]): Tensor[] {
  const tensors = [...inputs];
  for (const { kind, a, b } of operations) {
    const x = tensors[a % tensors.length]!;
    const alike = tensors.filter((tensor) => tensor.shape[2] === x.shape[2]);
    if (kind === "add") tensors.push(add(tape, x, alike[b % alike.length]!));
    else if (kind === "relu" || x.shape[2] === 4) tensors.push(relu(tape, x));
    else tensors.push(averagePool(tape, x, { window: 2 }));
  }
  return tensors.slice(inputs.length);
}

/** The same in float64, on the CPU. */
function recordReference(operations: readonly Operation[]): Float64Array[] {
  const values: Float64Array[] = INPUTS.map((input) => Float64Array.from(input.values));
  for (const { kind, a, b } of operations) {
    const x = values[a % values.length]!;
    const alike = values.filter((value) => value.length === x.length);
    const other = alike[b % alike.length]!;
    if (kind === "add") values.push(x.map((value, i) => value + other[i]!));
    else if (kind === "relu" || x.length === 64) values.push(reluReference(x));
    else values.push(poolReference(windowPool(4, 8, 8, 2, 2), x));
  }
  return values.slice(INPUTS.length);
}

Deno.test("programs drawn at random give the same bits whether or not tensors share memory", async () => {
  const inputs = upload(INPUTS);
  await fc.assert(
    fc.asyncProperty(
      fc.array(operationArbitrary, { minLength: 1, maxLength: 25 }),
      async (operations) => {
        const run = async (keepAll: boolean) => {
          const tape = new Tape(gpu.capabilities);
          const tensors = record(tape, inputs, operations);
          for (const tensor of keepAll ? tensors : tensors.slice(-2)) tape.keep(tensor);
          const program = buildProgram(gpu, tape);
          program.run(2);
          const values = await Promise.all(tensors.slice(-2).map((t) => program.read(t)));
          program[Symbol.dispose]();
          return values;
        };
        const shared = await run(false);
        assert.deepEqual(shared, await run(true));
        for (const [i, expected] of recordReference(operations).slice(-2).entries()) {
          assertNear(shared[i]!, expected, 1e-5, "value");
        }
      },
    ),
    { seed: SEED, numRuns: 30 },
  );
  free(inputs);
});

Deno.test("a chain of tensors lives in two slots of memory", () => {
  const inputs = upload([INPUTS[0]!]);
  const tape = new Tape(gpu.capabilities);
  let y = inputs[0]!;
  for (let i = 0; i < 20; i++) y = relu(tape, y);
  tape.keep(y);
  const program = buildProgram(gpu, tape);
  assert.equal(program.dispatches.length, 20);
  assert.equal(program.bytes, 3 * size(y) * 4, "two slots and the result");
  program[Symbol.dispose]();
  free(inputs);
});

Deno.test("memory of a small tensor is enlarged for a larger one that comes later", async () => {
  const inputs = upload([INPUTS[0]!, INPUTS[2]!]);
  const tape = new Tape(gpu.capabilities);
  const [large, small] = inputs;
  const smallResult = tape.keep(relu(tape, relu(tape, small!)));
  const largeResult = tape.keep(relu(tape, relu(tape, large!)));
  const program = buildProgram(gpu, tape);
  assert.equal(program.bytes, 4 * (2 * size(large!) + size(small!)), "one slot and the results");
  program.run();
  const expected = (input: Input) => Float32Array.from(input.values, (value) => Math.max(0, value));
  assert.deepEqual(await program.read(smallResult), expected(INPUTS[2]!));
  assert.deepEqual(await program.read(largeResult), expected(INPUTS[0]!));
  program[Symbol.dispose]();
  free(inputs);
});

Deno.test("a program frees all its memory, also where building it fails", () => {
  const inputs = upload([INPUTS[0]!]);
  const before = gpu.counters.bytes;
  const tape = new Tape(gpu.capabilities);
  const y = relu(tape, inputs[0]!);
  tape.keep(add(tape, y, y));
  const program = buildProgram(gpu, tape);
  assert.equal(gpu.counters.bytes - before, program.bytes);
  assert.ok(program.bytes > 0);
  program[Symbol.dispose]();
  assert.equal(gpu.counters.bytes, before);
  program[Symbol.dispose]();
  assert.equal(gpu.counters.bytes, before, "freeing twice does nothing");

  const broken = tape.transient([2, 2, 8, 8], "a tensor that no kernel writes");
  tape.keep(add(tape, broken, y));
  assert.throws(
    () => buildProgram(gpu, tape),
    new RangeError("a tensor that no kernel writes is read before any kernel has written it"),
  );
  assert.equal(gpu.counters.bytes, before);
  free(inputs);
});

Deno.test("buildProgram() throws for a kept tensor that no kernel writes", () => {
  const tape = new Tape(gpu.capabilities);
  tape.keep(tape.transient([3], "nothing"));
  assert.throws(
    () => buildProgram(gpu, tape),
    new RangeError("nothing is kept, but no kernel writes it"),
  );
});

Deno.test("steps recorded as `once` run at prepare() and not at run()", async () => {
  const inputs = upload([normalInput([64], 1), { shape: [64], values: new Float32Array(64) }]);
  const tape = new Tape(gpu.capabilities);
  const [x, total] = inputs;
  const doubled = tape.transient([64], "doubled");
  const sum = tape.transient([64], "sum");
  tape.run(addKernel(64), [x!, x!], [doubled], { once: true });
  tape.run(addKernel(64), [doubled, total!], [sum]);
  tape.keep(sum);
  const program = buildProgram(gpu, tape);
  assert.equal(program.dispatches.length, 1);
  const before = gpu.counters.dispatches;
  program.run();
  assert.equal(gpu.counters.dispatches - before, 1);
  assert.deepEqual([...await program.read(sum)], new Array(64).fill(0), "not yet prepared");
  program.prepare();
  program.run();
  const expected = INPUTS[0]!.values.subarray(0, 64).map((value) => 2 * value);
  assert.deepEqual(await program.read(sum), Float32Array.from(expected));
  gpu.write(x!.location!, new Float32Array(64).fill(1));
  program.run();
  assert.deepEqual(await program.read(sum), Float32Array.from(expected), "as before");
  program.prepare();
  program.run();
  assert.deepEqual([...await program.read(sum)], new Array(64).fill(2));
  program[Symbol.dispose]();
  free(inputs);
});

Deno.test("batchNorm() in evaluation computes its coefficients only at prepare()", async () => {
  const maps = { n: 2, c: 3, h: 4, w: 4 };
  const x = normalInput([2, 3, 4, 4], 1);
  const gamma = normalInput([3], 2);
  const beta = normalInput([3], 3);
  const mean = normalInput([3], 4);
  const variance = { shape: [3], values: Float32Array.of(0.5, 1, 2) };
  const inputs = upload([x, gamma, beta, mean, variance]);
  const tape = new Tape(gpu.capabilities);
  const y = batchNorm(
    tape,
    inputs[0]!,
    {
      gamma: inputs[1]!,
      beta: inputs[2]!,
      runningMean: inputs[3]!,
      runningVariance: inputs[4]!,
    },
    { mode: "evaluation", relu: false },
  );
  tape.keep(y);
  const program = buildProgram(gpu, tape);
  assert.equal(program.dispatches.length, 1);
  program.prepare();
  program.run();
  const expected = (scale: number) =>
    normalize(maps, x.values, gamma.values.map((value) => scale * value), beta.values, {
      mean: mean.values,
      variance: variance.values,
    });
  assertNear(await program.read(y), expected(1), 1e-6, "first");
  gpu.write(inputs[1]!.location!, gamma.values.map((value) => 3 * value));
  program.prepare();
  program.run();
  assertNear(await program.read(y), expected(3), 1e-6, "after a change of gamma");
  program[Symbol.dispose]();
  free(inputs);
});

Deno.test("a kept tensor can be read, another cannot", async () => {
  const inputs = upload([INPUTS[0]!]);
  const tape = new Tape(gpu.capabilities);
  const kept = tape.keep(relu(tape, inputs[0]!));
  const program = buildProgram(gpu, tape);
  program.run();
  assert.deepEqual(
    [...await program.read(kept)],
    [...INPUTS[0]!.values].map((value) => Math.max(0, value)),
  );
  const unknown = tape.transient([1], "a stranger");
  assert.throws(
    () => program.location(unknown),
    new RangeError("a stranger is not part of the program or not kept"),
  );
  program[Symbol.dispose]();
  free(inputs);
});

Deno.test("run(n) submits once, dispatches n times and waits for nothing", async () => {
  const values = normalValues(64, 4);
  const inputs = upload([
    { shape: [64], values },
    { shape: [64], values: new Float32Array(64) },
    { shape: [64], values: new Float32Array(64) },
  ]);
  const tape = new Tape(gpu.capabilities);
  const [x, sum, copy] = inputs;
  // sum = copy + x, copy = sum + 0: a counter in two located tensors.
  const zero = tape.constant([64], new Float32Array(64), "zero");
  tape.run(addKernel(64), [copy!, x!], [sum!]);
  tape.run(addKernel(64), [sum!, zero], [copy!]);
  const program = buildProgram(gpu, tape);
  const before = { ...gpu.counters };
  program.run(5);
  program.run(3);
  const { dispatches, submits, ...rest } = gpu.counters;
  assert.equal(dispatches - before.dispatches, 16);
  assert.equal(submits - before.submits, 2);
  assert.deepEqual(rest, {
    fences: before.fences,
    buffers: before.buffers,
    bindGroups: before.bindGroups,
    pipelines: before.pipelines,
    bytes: before.bytes,
    peakBytes: before.peakBytes,
  });
  const expected = values.map((value) => {
    let total = 0;
    for (let i = 0; i < 8; i++) total = Math.fround(total + value);
    return total;
  });
  assert.deepEqual(await program.read(sum!), expected);
  program[Symbol.dispose]();
  free(inputs);
});
