/** Chrome's compiler accepts every kernel, on every kind of adapter. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  openRecordingGpu,
  type PretendedAdapter,
  type RecordedKernel,
} from "./recording_adapter.ts";
import { recordJobs } from "./record_jobs.ts";

const ADAPTERS: readonly PretendedAdapter[] = [
  { name: "a software driver with subgroups of 8", software: true, subgroupSizes: [8, 8] },
  { name: "a software driver with subgroups of 16", software: true, subgroupSizes: [16, 16] },
  { name: "a software driver through OpenGL", software: true, subgroupSizes: [4, 128] },
  { name: "a GPU", software: false, subgroupSizes: [32, 32] },
];

/** What Dawn says against the kernels; undefined where it cannot be had. */
async function complaints(kernels: readonly unknown[]): Promise<string[] | undefined> {
  const script = fileURLToPath(new URL("validate.js", import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--config",
      config,
      "--allow-ffi",
      "--allow-read",
      "--allow-env",
      script,
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(kernels)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  if (code === 3) {
    console.warn(`skipped: Dawn cannot be loaded: ${text.decode(stderr).trim()}`);
    return undefined;
  }
  // Dawn may stumble over its own threads as the process ends, when all has been said.
  const said = text.decode(stdout);
  assert.ok(said.endsWith("]\n"), `exit code ${code}: ${text.decode(stderr)}`);
  return JSON.parse(said);
}

Deno.test("every kernel that the jobs record on any adapter is valid to Chrome's compiler, within the minimum limits", async () => {
  const kernels = new Map<string, RecordedKernel>();
  for (const adapter of ADAPTERS) {
    const before = kernels.size;
    await recordJobs(await openRecordingGpu(adapter, kernels));
    assert.ok(kernels.size > before + 50, `${adapter.name} records kernels of its own`);
  }
  assert.deepEqual(await complaints([...kernels.values()]) ?? [], []);
});

Deno.test("what Chrome's compiler refuses is found", async () => {
  const kernel = (expression: string) => ({
    label: expression,
    bindings: ["storage"],
    code: `@group(0) @binding(0) var<storage, read_write> x: array<u32, 1>;
@compute @workgroup_size(1) fn main() { x[0] = ${expression}; }`,
  });
  const found = await complaints([kernel("x[0] * 3u >> 16u"), kernel("(x[0] * 3u) >> 16u")]);
  if (found) assert.ok(found.length === 1 && found[0]!.startsWith("x[0] * 3u >> 16u: "), found[0]);
});
