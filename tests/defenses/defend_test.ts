/** What holds for every defence. */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { DEFENSES, findDefense } from "../../src/defenses/defenses.ts";
import { selectImages } from "../../src/data/image_set.ts";
import { none } from "../../src/defenses/none.ts";
import { DataError, ModelError, UsageError } from "../../src/errors.ts";
import type { StateDict } from "../../src/formats/host_tensor.ts";
import type { PhaseSnapshot } from "../../src/train/train.ts";
import { decodeSnapshot, encodeSnapshot } from "../../src/runs/snapshot_file.ts";
import { badnets } from "../../src/attacks/badnets.ts";
import { smallImages } from "../train/small.ts";
import { defendSmall, SMALL_DEFENSE, smallStudent } from "./small_defense.ts";

const TEST = smallImages(48, 7);
const PREPROCESSING = SMALL_DEFENSE.training.preprocessing;

for (const { name } of DEFENSES) {
  Deno.test(`${name} comes to the same network whether or not an attack is measured`, async () => {
    const target = { mode: "all2one", label: 1 } as const;
    const geometry = { height: TEST.height, width: TEST.width, seed: 1, options: {} };
    const trigger = badnets.trigger(geometry);
    const backdoor = { name: "badnets", target, trigger };
    const blind = await defendSmall(name);
    const measured = await defendSmall(name, {
      measurement: { test: TEST, preprocessing: PREPROCESSING, backdoor },
    });
    assert.deepEqual(measured.state, blind.state);
    assert.deepEqual(measured.notes, blind.notes);
    assert.ok(measured.evaluations.get("after")!.attack);
    assert.equal(blind.evaluations.get("after")!.attack, undefined);
  });

  if (name === none.name) continue; // It has no epoch.
  Deno.test(`${name} goes on after any epoch to the very same network`, async () => {
    const trained = new Map<string, StateDict>();
    const snapshots: { snapshot: PhaseSnapshot; trained: Map<string, StateDict> }[] = [];
    const whole = await defendSmall(name, {}, {
      onEpoch: async (_phase, _metrics, snapshot) => {
        const read = (await decodeSnapshot(await encodeSnapshot(snapshot), "a snapshot")).snapshot;
        snapshots.push({ snapshot: read, trained: new Map(trained) });
      },
      onTrained: (phase, state) => Promise.resolve(void trained.set(phase, state)),
    });
    for (const { snapshot, trained } of [snapshots[0]!, snapshots.at(-1)!]) {
      const resumed = await defendSmall(name, {}, {
        resume: {
          done: new Set(["before"]),
          snapshot,
          trained: (phase) => Promise.resolve(trained.get(phase)),
        },
      });
      assert.deepEqual(resumed.state, whole.state, `after epoch ${snapshot.epoch}`);
      assert.ok(!resumed.evaluations.has("before"));
    }
  });
}

Deno.test("defend() measures before, on the way and after", async () => {
  const { evaluations, phases } = await defendSmall("nad");
  assert.deepEqual([...evaluations.keys()], ["before", "teacher", "after"]);
  assert.deepEqual(phases, ["teacher", "student"]);
  assert.equal(evaluations.get("before")!.samples, 48);
});

Deno.test("defend() refuses clean images that lack a class", async () => {
  const clean = smallImages(64, 3);
  const labels = clean.labels.map((label) => label === 1 ? 0 : label);
  await assert.rejects(
    defendSmall("finetune", { clean: { ...clean, labels } }),
    new DataError(
      "cannot train on 64 clean images without one of class 1: the network would forget it; use a " +
        "larger --clean-fraction or other images",
    ),
  );
});

Deno.test("defend() refuses an extrapolation with the statistics of training", async () => {
  const training = { ...SMALL_DEFENSE.training, extrapolation: 0.5 };
  await assert.rejects(
    defendSmall("nad", { settings: { training } }),
    new UsageError(
      "cannot extrapolate by 0.5 and keep the batch-norm statistics of training, which would not " +
        "fit: use --statistics clean, or --extrapolation 0",
    ),
  );
});

Deno.test("nad refuses a teacher with another number of classes", async () => {
  await assert.rejects(
    defendSmall("nad", { teacher: smallStudent(2, 4) }),
    new ModelError(
      "cannot distil network 1 with 3 classes from network 2 with 4: expected equal class counts",
    ),
  );
});

Deno.test("none leaves the network as it is", async () => {
  const { state, evaluations, phases } = await defendSmall("none");
  assert.deepEqual([...evaluations.keys()], ["before", "after"]);
  assert.deepEqual(phases, []);
  for (const [name, { data }] of smallStudent(1, 3).state) {
    assert.deepEqual(state.get(name)!.data, data, name);
  }
});

Deno.test("none takes clean images that show only some of the classes", async () => {
  const images = smallImages(64, 3);
  const clean = selectImages(
    images,
    [...images.labels.keys()].filter((i) => images.labels[i] !== 1),
  );
  await defendSmall("none", { clean });
});

Deno.test("findDefense() throws for an unknown name", () => {
  assert.throws(
    () => findDefense("prayer"),
    new UsageError(
      "cannot defend by prayer: expected one of nad, finetune, fine-pruning, mcr, none",
    ),
  );
});

Deno.test("clean statistics change the running statistics of a trained network and nothing else", async () => {
  const trained = await defendSmall("finetune", { settings: { statistics: "training" } });
  const fresh = await defendSmall("finetune", { settings: { statistics: "clean" } });
  const changed = [...trained.state.keys()].filter((name) =>
    !isDeepStrictEqual(trained.state.get(name)!.data, fresh.state.get(name)!.data)
  );
  assert.ok(changed.length > 0);
  assert.ok(changed.every((name) => /running_(mean|var)$/.test(name)), changed.join());
});
