import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { audit, AUDIT_DEFAULTS } from "../../src/audit/audit.ts";
import { loadSigns } from "../../src/data/signs.ts";
import { readCheckpoint } from "../../src/formats/checkpoint.ts";
import { inferArchitecture } from "../../src/nn/architectures.ts";
import { gpu } from "../gpu/device.ts";

const MODEL = new URL("../../models/signs-badnets.safetensors", import.meta.url);

Deno.test("audit() flags the target of the embedded model among four classes", async () => {
  const { tensors: state } = await readCheckpoint(MODEL.pathname);
  const model = { architecture: inferArchitecture(state, "signs"), state, source: "signs" };
  const { train } = loadSigns({ trainCount: 100, parts: ["train"] });
  const found = await audit(gpu, model, train, {
    ...AUDIT_DEFAULTS,
    preprocessing: PLAIN_PREPROCESSING,
    labels: [0, 4, 7, 9],
    steps: 60,
  });
  assert.deepEqual(found.flagged, [7]);
  assert.ok(found.anomalyIndex > 3, `${found.anomalyIndex}`);
});
