import assert from "node:assert/strict";
import { badnets } from "../../src/attacks/badnets.ts";
import { poison } from "../../src/attacks/poison.ts";
import { poisonedImage, poisonedSet } from "../../src/attacks/poisoned_set.ts";
import { UsageError } from "../../src/errors.ts";
import { decodeImage } from "../../src/formats/images.ts";
import { makePoisonedFolder, writePoisonedFolder } from "../../src/report/poisoned_folder.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { smallImages } from "../train/small.ts";

Deno.test("writePoisonedFolder() writes the poisoned images and a table of all labels", async () => {
  await withTemporaryFolder(async (parent) => {
    const folder = `${parent}/a/b`;
    const train = smallImages(20, 1);
    const target = { mode: "all2one", label: 2 } as const;
    const poisoning = poison(train.labels, 3, badnets, { target, rate: 0.2, seed: 1 });
    const trigger = badnets.trigger({ height: 8, width: 8, seed: 1, options: {} });
    const set = poisonedSet(train, poisoning, { poisoned: trigger });
    const records = train.labels.map((_, i) => 100 + 2 * i);
    await makePoisonedFolder(folder);
    await writePoisonedFolder(folder, { set, originalLabels: train.labels, records });

    const lines = (await Deno.readTextFile(`${folder}/images.csv`)).trimEnd().split("\n");
    assert.equal(lines.shift(), "index,original_label,new_label,poisoned");
    assert.equal(lines.length, 20);
    for (const [i, line] of lines.entries()) {
      const poisoned = poisoning.poisoned.includes(i);
      const label = train.labels[i];
      assert.equal(line, `${records[i]},${label},${poisoned ? 2 : label},${poisoned ? 1 : 0}`);
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    assert.equal(names.length, 1 + poisoning.poisoned.length);
    for (const i of poisoning.poisoned) {
      const file = `${folder}/00${records[i]}.png`;
      const { pixels } = decodeImage(await Deno.readFile(file), file);
      assert.deepEqual(pixels, poisonedImage(set, i));
    }
    await assert.rejects(makePoisonedFolder(folder), UsageError);
  });
});
