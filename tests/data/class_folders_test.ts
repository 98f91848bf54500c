import assert from "node:assert/strict";
import { memoryTree } from "../../src/data/archive_tree.ts";
import { type ClassFolders, listClassFolders } from "../../src/data/class_folders.ts";
import { DataError } from "../../src/errors.ts";

/** The first bytes of a PNG. */
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0);

const SPLIT = { testShare: 0.5, splitSeed: 0 };

const list = (...names: readonly string[]): Promise<ClassFolders> =>
  listClassFolders(memoryTree("set", new Map(names.map((name) => [name, PNG]))), SPLIT);

/** Names of the files to train on and to measure on. */
async function halves(...names: readonly string[]): Promise<[string[], string[]]> {
  const { train, test } = await list(...names);
  return [train.map(({ name }) => name), test.map(({ name }) => name)];
}

async function refuses(names: readonly string[], pattern: RegExp): Promise<void> {
  await assert.rejects(list(...names), (error) => {
    assert.ok(error instanceof DataError, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

const two = (...folders: readonly string[]) =>
  folders.flatMap((folder) => [`${folder}/1.png`, `${folder}/2.png`]);

const inside = (folder: string) => [`${folder}/a/1.png`, `${folder}/b/1.png`];

Deno.test("listClassFolders() sorts classes by code point, as torchvision does", async () => {
  const { classNames } = await list(...two("\u{1f600}", "\uff5e", "z", "B"));
  assert.deepEqual(classNames, ["B", "z", "\uff5e", "\u{1f600}"]);
});

Deno.test("listClassFolders() takes train with test or val for the halves, in any case", async () => {
  for (
    const [train, test] of [
      ["train", "test"],
      ["Train", "TEST"],
      ["training", "testing"],
      ["TRAIN", "val"],
      ["train", "Valid"],
      ["train", "validation"],
    ] as const
  ) {
    const [trained, tested] = await halves(...inside(train), ...inside(test));
    assert.deepEqual(trained, inside(train));
    assert.deepEqual(tested, inside(test));
  }
});

Deno.test("listClassFolders() measures on test where there is val too, and says which is which", async () => {
  const { test, notices } = await list(...inside("train"), ...inside("val"), ...inside("test"));
  assert.deepEqual(test.map(({ name }) => name), inside("test"));
  assert.deepEqual(notices, [
    'images to train on are those in "train", to measure on those in "test"; not used: "val"',
  ]);
  const flat = await list(...inside("train"), ...inside("val"), "test/1.png", "test/2.png");
  assert.deepEqual(flat.test.map(({ name }) => name), inside("val"));
  assert.deepEqual((await list(...inside("train"), ...inside("test"))).notices, []);
});

Deno.test("listClassFolders() enters a folder that holds nothing else", async () => {
  const { classNames, notices } = await list(...two("x/y/a", "x/y/b"), "__MACOSX/x/._y");
  assert.deepEqual(classNames, ["a", "b"]);
  assert.deepEqual(notices, ['the folder "x/y" in "set" holds the images']);
  const [train, test] = await halves(...inside("x/train"), ...inside("x/val"));
  assert.deepEqual([train, test], [inside("x/train"), inside("x/val")]);
});

Deno.test("a class may be called train, and halves that are incomplete are no classes", async () => {
  const { classNames } = await list(...two("train", "bus"));
  assert.deepEqual(classNames, ["bus", "train"]);
  const nested = await list(...two("train/images", "bus/images"));
  assert.deepEqual(nested.classNames, ["bus", "train"]);
  await refuses([...inside("train"), ...inside("other")], /found the folders "other", "train"/);
  await refuses([...inside("val"), ...inside("test")], /expected "train" beside "test" or "val"/);
  await refuses([...inside("train"), ...inside("Train"), ...inside("test")], /"Train" and "train"/);
});

Deno.test("images in folders inside a class belong to it", async () => {
  const [train] = await halves(
    ...["train/a/images/1.png", "train/a/2.png", "train/a/x/y/z/3.JPEG", "train/b/images/1.png"],
    ...inside("test"),
  );
  const expected = ["a/2.png", "a/images/1.png", "a/x/y/z/3.JPEG", "b/images/1.png"];
  assert.deepEqual(train, expected.map((name) => `train/${name}`));
});

Deno.test("files that are no pictures are counted, and take no part in the split", async () => {
  const pictures = ["a/1.png", "a/2.PNG", "a/3.jpeg", "a/4.webp", "b/1.ppm", "b/2.bmp"];
  const others = [
    ...["a/Thumbs.db", "a/desktop.ini", "b/b_boxes.txt", "b/notes.csv", "b/1.png.json"],
    ...[
      "a/.DS_Store",
      "a/._1.png",
      "__MACOSX/a/._1.png",
      "README.md",
      ".git/config",
      "b/@eaDir/1.png",
    ],
  ];
  const plain = await list(...pictures);
  const { train, test, passedOver, classNames } = await list(...pictures, ...others);
  assert.deepEqual([train, test, classNames], [plain.train, plain.test, plain.classNames]);
  assert.match(passedOver.text(), /5 files that are no pictures \(first "a\/Thumbs.db"\)/);
  assert.match(passedOver.text(), /5 hidden or system files/);
});

Deno.test("a file without an ending is judged by its content", async () => {
  const text = new TextEncoder().encode("All rights reserved");
  const tree = memoryTree(
    "set",
    new Map([["a/1", PNG], ["a/LICENSE", text], ["b/1", PNG], ["b/2.png", text], [
      "b/empty",
      text.slice(0, 0),
    ]]),
  );
  const { train, test, passedOver } = await listClassFolders(tree, SPLIT);
  const names = [...train, ...test].map(({ name }) => name).sort();
  assert.deepEqual(names, ["a/1", "b/1", "b/2.png"]);
  assert.match(passedOver.text(), /2 files that are no pictures/);
});

Deno.test("refusals of folders say what was found, quoted and short", async () => {
  await refuses(["a/x.txt", "b/1.png"], /folder "a" holds no image and 1 files .*"a\/x.txt"/);
  await refuses(["1.png", "2.png"], /found 0 class folders, expected at least 2/);
  const evil = "\x1b[31m" + "x".repeat(3000);
  await refuses([`${evil}/1.txt`, "b/1.png"], /folder "\\u001b\[31mx{195}" and 2805 more/);
  await refuses(
    [...inside("train"), "test/other/1.png"],
    /found class folder "other", expected one/,
  );
  await refuses(
    [...inside("train"), "test/1.png"],
    /test": found no image in a folder of its class/,
  );
});
