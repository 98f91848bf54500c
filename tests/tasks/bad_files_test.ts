/** Files that cannot be used: one message that names the file, exit code 1, nothing left behind. */

import assert from "node:assert/strict";
import { encodePng } from "../../src/formats/png_write.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertRefused, filesUnder, runTask } from "./command.ts";
import { TINY_DATA, tinyModelBytes, writeTinyModel } from "./tiny_model.ts";

/** A file of which the system stores only the last byte. */
async function writeSparse(path: string, size: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await file.seek(size - 1, Deno.SeekMode.Start);
  await file.write(Uint8Array.of(0));
}

/** What a bad model is, how it comes about, and what is said of it. */
const MODELS: readonly (readonly [
  what: string,
  make: (path: string) => Promise<void>,
  message: RegExp,
])[] = [
  ["that is missing", () => Promise.resolve(), /model\.pth: there is no such file/],
  ["that is a folder", (path) => Deno.mkdir(path), /found a folder, expected a regular file/],
  ["that is empty", (path) => Deno.writeFile(path, new Uint8Array()), /found an empty file/],
  [
    "of 3 GiB",
    (path) => writeSparse(path, 3 * 2 ** 30),
    /found 3221225472 bytes, .* at most 2 GiB/,
  ],
  [
    "of zeros",
    (path) => Deno.writeFile(path, new Uint8Array(64)),
    /expected safetensors or a PyTorch checkpoint/,
  ],
  [
    "cut off in its middle",
    (path) => {
      const bytes = tinyModelBytes();
      return Deno.writeFile(path, bytes.subarray(0, bytes.length / 2));
    },
    /model\.pth/,
  ],
  [
    "with NaN",
    (path) => {
      const change = (state: Map<string, { data: ArrayLike<unknown> }>) => {
        (state.get("block2.layer.0.conv1.weight")!.data as Float32Array)[5] = NaN;
      };
      return Deno.writeFile(path, tinyModelBytes({ change }));
    },
    /element 5 of block2\.layer\.0\.conv1\.weight is NaN, expected finite numbers/,
  ],
  [
    "without one of its tensors",
    (path) => {
      const change = (state: Map<string, unknown>) => void state.delete("fc.bias");
      return Deno.writeFile(path, tinyModelBytes({ change }));
    },
    /as wrn-10-1 with 10 classes: fc\.bias is missing/,
  ],
];

for (const [what, make, message] of MODELS) {
  Deno.test(`erase and evaluate refuse a model ${what}`, async () => {
    await withTemporaryFolder(async (folder) => {
      await make(`${folder}/model.pth`);
      const before = await filesUnder(folder);
      for (const task of ["erase", "evaluate"] as const) {
        assertRefused(await runTask(task, ["--model", "model.pth"], { folder }), 1, message);
      }
      assert.deepEqual(await filesUnder(folder), before);
    });
  });
}

Deno.test("evaluate names the first tensors that do not fit another architecture", async () => {
  await withTemporaryFolder(async (folder) => {
    const model = await writeTinyModel(folder);
    const finished = await runTask("evaluate", ["--model", model, "--arch", "wrn-16-1"]);
    assertRefused(finished, 1, /as wrn-16-1 .*block1\.layer\.1\.bn1\.weight is missing.*27 more/);
  });
});

Deno.test("erase refuses a model with other classes than the data set", async () => {
  await withTemporaryFolder(async (folder) => {
    await Deno.writeFile(`${folder}/model.pth`, tinyModelBytes({ classes: 7 }));
    const finished = await runTask("erase", ["--model", "model.pth", ...TINY_DATA], { folder });
    assertRefused(finished, 2, /the model has 7 classes, the data set 10/);
    assert.deepEqual(await filesUnder(folder), ["model.pth"]);
  });
});

Deno.test("evaluate refuses --attack recorded where the model records none", async () => {
  await withTemporaryFolder(async (folder) => {
    const text = new TextDecoder("latin1").decode(tinyModelBytes());
    const bytes = Uint8Array.from(
      text.replace("lethe.attack", "lethe.attics"),
      (character) => character.charCodeAt(0),
    );
    await Deno.writeFile(`${folder}/model.pth`, bytes);
    const args = ["--model", "model.pth", "--attack", "recorded"];
    const finished = await runTask("evaluate", args, { folder });
    assertRefused(finished, 1, /its metadata has no lethe\.attack; name the attack by --attack/);
  });
});

Deno.test("a command that is typed in a folder that has gone says so", async () => {
  const finished = await runTask("evaluate", ["--help"], { folder: "/nowhere/at/all" });
  assertRefused(finished, 1, /cannot work in the folder in which this was typed: /);
});

/** Folders that hold no data set. */
const FOLDERS: readonly (readonly [string, (folder: string) => Promise<void>, RegExp])[] = [
  ["is empty", () => Promise.resolve(), /found 0 class folders, expected at least 2/],
  [
    "has classes without images",
    async (folder) => {
      await Deno.mkdir(`${folder}/cats`);
      await Deno.mkdir(`${folder}/dogs`);
      await Deno.writeTextFile(`${folder}/dogs/notes.txt`, "no image");
    },
    /cannot read images in .*data/,
  ],
];

for (const [what, fill, message] of FOLDERS) {
  Deno.test(`evaluate refuses a data set folder that ${what}`, async () => {
    await withTemporaryFolder(async (folder) => {
      await writeTinyModel(folder);
      await Deno.mkdir(`${folder}/data`);
      await fill(`${folder}/data`);
      const args = ["--model", "tiny.safetensors", "--dataset", "./data"];
      assertRefused(await runTask("evaluate", args, { folder }), 1, message);
    });
  });
}

Deno.test("evaluate tells of files that are left out, also where it prints JSON", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const image = encodePng({ height: 4, width: 4, pixels: new Uint8Array(48).fill(99) });
    for (let i = 0; i < 100; i++) {
      for (const part of ["train", "test"]) {
        const classFolder = `${folder}/data/${part}/class${i % 10}`;
        await Deno.mkdir(classFolder, { recursive: true });
        await Deno.writeFile(`${classFolder}/${i}.png`, image);
      }
    }
    await Deno.writeTextFile(`${folder}/data/test/class3/notes.txt`, "no image");
    await Deno.writeTextFile(`${folder}/data/test/class3/broken.png`, "no image either");
    const args = ["--model", "tiny.safetensors", "--dataset", "./data", "--json"];
    const { code, stdout, stderr } = await runTask("evaluate", args, { folder });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /passed over in .*: 1 files that are no .*"test\/class3\/notes\.txt"/);
    assert.match(
      stderr,
      /left out 1 damaged of the 101 images to test on in .*class3\/broken\.png/,
    );
    assert.equal(JSON.parse(stdout).samples, 100);
  });
});

Deno.test("erase refuses a target that is no class of the data set", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["--model", "tiny.safetensors", ...TINY_DATA, "--attack", "badnets"];
    const finished = await runTask("erase", [...args, "--target", "12"], { folder });
    assertRefused(finished, 1, /class 12: signs has classes 0 to 9/);
    assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
  });
});

Deno.test("evaluate says where it looked for CIFAR-10", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["--model", "tiny.safetensors", "--dataset", "cifar10", "--data", "nowhere"];
    const finished = await runTask("evaluate", args, { folder });
    assertRefused(finished, 1, /cannot find CIFAR-10 at .*nowhere: .*--download/);
  });
});

Deno.test("erase refuses fewer images than a batch before it makes a folder", async () => {
  await withTemporaryFolder(async (folder) => {
    await writeTinyModel(folder);
    const args = ["--model", "tiny.safetensors", "--train-indices", "0:10", "--limit", "64"]
      .concat("--no-audit");
    const finished = await runTask("erase", args, { folder });
    assertRefused(finished, 1, /cannot train on 10 images with a batch size of 16/);
    assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
  });
});

for (
  const [what, text, message] of [
    ["damaged", "{", /its run\.json is damaged/],
    ["of something else", "[]", /its run\.json is not the record of a run/],
    [
      "of another command",
      '{"command":"attack","lethe":"0.1.0","deno":"2.9.6","adapter":"a","started":"2026-11-30",' +
      '"finished":false,"seconds":1,"settings":{},"results":{}}',
      /it is a run of attack, expected one of erase/,
    ],
  ] as const
) {
  Deno.test(`erase refuses to resume where run.json is ${what}`, async () => {
    await withTemporaryFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/run.json`, text);
      assertRefused(await runTask("erase", ["--resume", folder]), 1, message);
    });
  });
}
