import assert from "node:assert/strict";
import { l2Betas, tapBetas } from "../../src/defenses/tap_betas.ts";
import { UsageError } from "../../src/errors.ts";
import { tapShapes } from "../../src/nn/taps.ts";
import { wideResNet } from "../../src/nn/wide_resnet.ts";

const NONE = { given: undefined, taps: undefined, distance: "mean" } as const;
const PAPER = { ...NONE, recipe: [500, 1000, 1000] };

const shapes = (...sides: number[]) => sides.map((side) => [8, side, side]);

Deno.test("tapShapes() of WideResNets are those of their groups, whatever the images' size", () => {
  const architecture = wideResNet(16, 2, 10);
  assert.deepEqual(
    tapShapes(architecture, { height: 32, width: 32 }),
    [[32, 32, 32], [64, 16, 16], [128, 8, 8]],
  );
  assert.deepEqual(
    tapShapes(architecture, { height: 13, width: 30 }),
    [[32, 13, 30], [64, 7, 15], [128, 4, 8]],
  );
});

Deno.test("tapBetas() gives the recipe's weights to the last taps", () => {
  assert.deepEqual(tapBetas(shapes(32, 16, 8), PAPER), [500, 1000, 1000]);
  assert.deepEqual(tapBetas(shapes(8, 4), PAPER), [1000, 1000]);
  assert.deepEqual(tapBetas(shapes(4), PAPER), [1000]);
  assert.deepEqual(tapBetas(shapes(64, 32, 16, 8), PAPER), [500, 500, 1000, 1000]);
});

Deno.test("tapBetas() leaves out the taps that were not asked for", () => {
  assert.deepEqual(tapBetas(shapes(32, 16, 8), { ...PAPER, taps: [1, 3] }), [500, 0, 1000]);
  assert.deepEqual(tapBetas(shapes(32, 16), { ...PAPER, given: [7, 9], taps: [2] }), [0, 9]);
});

Deno.test("tapBetas() divides by the pixels that taps have, not by what halving would leave", () => {
  const found = tapBetas(shapes(8, 8, 2), { ...PAPER, distance: "l2" });
  assert.deepEqual(found, [500 / 64, 1000 / 64, 250]);
  assert.deepEqual(l2Betas([6, 8], [[1, 2, 3], [1, 2, 2]]), [1, 2]);
});

Deno.test("tapBetas() refuses weights and taps that the network does not have", () => {
  assert.throws(
    () => tapBetas(shapes(8, 4), { ...PAPER, given: [1, 2, 3] }),
    new UsageError(
      "cannot weigh 2 taps by 3 betas: expected a beta for each tap of the network",
    ),
  );
  assert.throws(
    () => tapBetas(shapes(8, 4), { ...PAPER, taps: [3] }),
    new UsageError(
      "cannot distil the attention of tap 3: the network has 2, expected some of 1, 2",
    ),
  );
});
