/** What a page runs: the doctor's checks of the operations on the browser's adapter; the result is posted back. */

import { operationChecks } from "../../src/doctor/self_test.ts";
import { openGpu } from "../../src/gpu/gpu.ts";

async function run(): Promise<unknown> {
  try {
    using gpu = await openGpu();
    return { adapter: gpu.adapter.name, results: await operationChecks(gpu) };
  } catch (error) {
    return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

await fetch("/result", { method: "POST", body: JSON.stringify(await run()) });
