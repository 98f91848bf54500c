import assert from "node:assert/strict";
import { PLAIN_PREPROCESSING } from "../../shaders/gather.ts";
import { evaluateModel } from "../../src/train/evaluate.ts";
import { uploadImages } from "../../src/train/image_store.ts";
import { gpu } from "../gpu/device.ts";
import { gridTrigger } from "./grid_trigger.ts";
import { CIFAR10, goldenNumbers, present, publishedModel, testImages } from "./published.ts";
import { type GoldenCounts, goldenCounts } from "./golden_counts.ts";

for (const which of ["student", "teacher"] as const) {
  Deno.test({
    name: `evaluateModel() counts the published ${which} exactly as PyTorch does`,
    ignore: !present("golden/evaluate.json", CIFAR10),
    async fn() {
      const evaluation = await evaluateModel(
        gpu,
        await publishedModel(gpu, which),
        uploadImages(gpu, await testImages()),
        {
          preprocessing: PLAIN_PREPROCESSING,
          backdoor: {
            name: "grid",
            trigger: gridTrigger(),
            target: { mode: "all2one", label: 5 },
          },
        },
      );
      const expected = goldenNumbers<Record<typeof which, GoldenCounts>>("evaluate.json")[which];
      assert.deepEqual(goldenCounts(evaluation), expected);
    },
  });
}
