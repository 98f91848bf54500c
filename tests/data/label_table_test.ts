import assert from "node:assert/strict";
import { memoryTree } from "../../src/data/archive_tree.ts";
import { classesOf, parseClassNames } from "../../src/data/class_names.ts";
import { csvRows } from "../../src/data/csv.ts";
import { listLabelled, parseLabels } from "../../src/data/label_table.ts";
import { DataError, FormatError } from "../../src/errors.ts";

const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0);
const SPLIT = { testShare: 0.5, splitSeed: 0 };

const rows = (text: string) => [...csvRows(text, "a file")];
const names = (text: string) => parseClassNames(text, "a file");

function list(files: readonly string[], table: string, options = {}) {
  const tree = memoryTree("set", new Map(files.map((name) => [name, PNG])));
  return listLabelled(tree, parseLabels(table, "a file"), { ...SPLIT, ...options });
}

/** The label of each file. */
async function labels(files: readonly string[], table: string, options = {}) {
  const { train, test, classNames } = await list(files, table, options);
  const found = Object.fromEntries([...train, ...test].map(({ name, label }) => [name, label]));
  return { classNames, found };
}

Deno.test("csvRows() reads cells as RFC 4180 has them", () => {
  assert.deepEqual(rows('a,b\r\n"x, ""y""\nz",2\n\n3 , 4 \n'), [
    ["a", "b"],
    ['x, "y"\nz', "2"],
    ["3", "4"],
  ]);
  assert.deepEqual(rows("a;b\n1,5;2"), [["a", "b"], ["1,5", "2"]]);
  assert.deepEqual(rows("a\tb\r1\t2"), [["a", "b"], ["1", "2"]]);
  assert.deepEqual(rows(",\n"), [["", ""]]);
  assert.deepEqual(rows(""), []);
  assert.throws(() => rows('a,b\n"x,2'), { name: "FormatError", message: /not end in row 2/ });
  assert.throws(() => rows('"a"b,c'), {
    name: "FormatError",
    message: /text behind a quoted cell/,
  });
});

Deno.test("parseLabels() finds its columns by a header, or takes the first two", () => {
  const expected = [{ file: "1.png", label: "cat" }];
  for (
    const table of [
      "1.png,cat\n",
      "file,label\n1.png,cat",
      "\ufeffFile Name,Class\n1.png,cat".slice(1),
      "label,image_id,width\ncat,1.png,32",
      "id;split;category\n1.png;train;cat",
    ]
  ) {
    assert.deepEqual(parseLabels(table, "a file"), expected, table);
  }
  assert.throws(() => parseLabels("", "a file"), { name: "FormatError", message: /found no row/ });
  assert.throws(
    () => parseLabels("one\ntwo", "a file"),
    /found the row "one", expected a file and/,
  );
  assert.throws(() => parseLabels("file,label\n1.png,\n", "a file"), FormatError);
});

Deno.test("rows mean images by path, by name, and by name without its ending", async () => {
  const files = ["a/1.png", "a/2.png", "b/3.png", "b/1.jpg", "b/5.png"];
  const table = "a/1.png,x\n./a/2.png,y\nimages/3.png,x\nb\\1.jpg,y\n5,x\nnone.png,y\n1.png,x";
  const { found, classNames } = await labels(files, table);
  assert.deepEqual(classNames, ["x", "y"]);
  assert.deepEqual(found, { "a/1.png": 0, "a/2.png": 1, "b/3.png": 0, "b/1.jpg": 1, "b/5.png": 0 });
  const { passedOver, test } = await list([...files, "left.png", "notes.txt"], table);
  assert.match(passedOver.text(), /1 files that are no pictures/);
  assert.match(passedOver.text(), /1 images without a row \(first "left.png"\)/);
  assert.match(passedOver.text(), /1 rows without an image \(first "none.png"\)/);
  assert.equal(test.length, 3);
  const ambiguous = list(["a/1.png", "b/1.png", "2.png"], "1,x\n2,y\n1,x");
  await assert.rejects(ambiguous, { name: "DataError", message: /one class only/ });
});

Deno.test("numbers are classes of that number, in numeric order; names take code point order", async () => {
  const files = Array.from({ length: 24 }, (_, i) => `${i}.png`);
  const table = files.map((file, i) => `${file},${i % 12}`).join("\n");
  const { classNames, found } = await labels(files, table);
  assert.deepEqual(classNames, Array.from({ length: 12 }, (_, i) => String(i)));
  assert.equal(found["10.png"], 10);
  const shifted = files.map((file, i) => `${file},${1 + i % 12}`).join("\n");
  const { notices } = await list(files, shifted);
  assert.deepEqual(notices, ["the labels 1 to 12 are classes 0 to 11"]);
  const named = await labels(files, files.map((file, i) => `${file},${"ba"[i % 2]}`).join("\n"));
  assert.deepEqual([named.classNames, named.found["0.png"]], [["a", "b"], 1]);
});

Deno.test("labels are looked up among class names that are given, by name or number", async () => {
  const files = ["1.png", "2.png", "3.png", "4.png"];
  const classNames = ["cat", "dog", "bird"];
  const byName = await labels(files, "1,dog\n2,cat\n3,dog\n4,cat", { classNames });
  assert.deepEqual(byName.found, { "1.png": 1, "2.png": 0, "3.png": 1, "4.png": 0 });
  assert.deepEqual(byName.classNames, classNames);
  const byNumber = await labels(files, "1,2\n2,0\n3,2\n4,0", { classNames });
  assert.deepEqual(byNumber.found, { "1.png": 2, "2.png": 0, "3.png": 2, "4.png": 0 });
  await assert.rejects(
    list(files, "1,cow\n2,cat", { classNames }),
    /class of label "cow": expected one of the 3 class names that were given/,
  );
  await assert.rejects(list(files, "1,5\n2,0", { classNames }), DataError);
});

Deno.test("folders train and test divide labelled images, if all lie in such", async () => {
  const files = ["train/1.png", "train/2.png", "VAL/3.png", "VAL/4.png"];
  const { train, test } = await list(files, "1,a\n2,b\n3,a\n4,b");
  assert.deepEqual(train.map(({ name }) => name), files.slice(0, 2));
  assert.deepEqual(test.map(({ name }) => name), files.slice(2));
});

Deno.test("listLabelled() refuses tables that fit nothing or contradict themselves", async () => {
  await assert.rejects(list(["1.png"], "x.png,a\ny.png,b"), {
    name: "DataError",
    message: /none of 2 rows names an image in "set", which holds 1; the first row names "x.png"/,
  });
  await assert.rejects(list(["1.png", "2.png"], "1.png,a\n1,b"), /"a" and "b" for "1.png"/);
});

Deno.test("parseClassNames() reads arrays, id2label, class_to_idx and lines", () => {
  const expected = ["cat", "dog", "10 birds"];
  for (
    const text of [
      '["cat", "dog", "10 birds"]',
      '{"0": "cat", "2": "10 birds", "1": "dog"}',
      ' {"10 birds": 2, "cat": 0, "dog": 1}',
      '{"model_type": "resnet", "id2label": {"0": "cat", "1": "dog", "2": "10 birds"}}',
      "cat\ndog\n10 birds\n\n",
      "cat\r\n dog\r\n10 birds",
    ]
  ) {
    assert.deepEqual(names(text), expected, text);
  }
  const cases: [string, RegExp][] = [
    ["[1, 2]", /found no names/],
    ["[", /found damaged JSON/],
    ["[]", /found 0 names, expected 2 to 65536/],
    ["only", /found 1 names/],
    ["cat\n\ndog", /found an empty name/],
    ['["a", "a"]', /found "a" twice/],
    ['{"a": 0, "b": 2}', /class "2" of "b", expected each of 0 to N-1 once/],
    ['{"a": 0, "b": 0}', /class "0" of "b"/],
    ['{"a": 0.5, "b": 1}', /class "0.5"/],
    ['{"a": null, "b": 1}', /class "null"/],
    ['{"__proto__": "x", "0": "y"}', /class "NaN"/],
    ["[".repeat(200_000), /found damaged JSON/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => names(text), { name: "FormatError", message });
  }
});

Deno.test("classesOf() orders by number where that is asked for, and renames folders in order", () => {
  const folders = ["10", "9", "1"];
  assert.deepEqual(classesOf(folders, {}, "class folder").classNames, ["1", "10", "9"]);
  const numeric = classesOf(folders, { classOrder: "numeric" }, "class folder");
  assert.deepEqual(numeric.classNames, ["1", "9", "10"]);
  assert.throws(() => classesOf(["1", "x"], { classOrder: "numeric" }, "class folder"), {
    name: "DataError",
    message: /numeric order: found class folder "x", expected a number/,
  });
  const renamed = classesOf(["n02", "n01"], { classNames: ["cat", "dog"] }, "class folder");
  assert.deepEqual([...renamed.indexOf], [["n01", 0], ["n02", 1]]);
  assert.deepEqual(renamed.classNames, ["cat", "dog"]);
  assert.deepEqual(renamed.notices, [
    'each class folder takes the class name at its place: "n01" is "cat"',
  ]);
  assert.throws(
    () => classesOf(["cat", "n01"], { classNames: ["cat", "dog"] }, "class folder"),
    DataError,
  );
});
