/** Kinds of values: what they take, what they refuse, and that they never throw or hang. */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { CORRUPTION } from "../../src/settings/corruption_kind.ts";
import { SETTINGS } from "../../src/settings/table.ts";
import type { Setting } from "../../src/settings/setting.ts";
import {
  choice,
  either,
  type Kind,
  list,
  number,
  refusalOf,
  shownValue,
  text,
  three,
  whole,
  words,
} from "../../src/text/kinds.ts";
import { pairs } from "../../src/text/pairs.ts";

const TAKEN: readonly (readonly [Kind<unknown>, string, unknown])[] = [
  [number(), " 1e3 ", 1000],
  [number({ above: 0, most: 1 }), "1", 1],
  [whole({ least: 1 }), "12", 12],
  [choice(["a", "b"]), "b", "b"],
  [words(["a", "b"]), "b, a", ["b", "a"]],
  [list("numbers", number()), "1,.5", [1, 0.5]],
  [three({ above: 0 }), "1, 2,3", [1, 2, 3]],
  [either(choice(["auto"]), list("three", number(), 3)), "1,2,3", [1, 2, 3]],
  [pairs, "a=1, b = x=y ,c=", { a: "1", b: "x=y", c: "" }],
  [pairs, 'a="1,2" ,"b,=c"=3', { "a": "1,2", "b,=c": "3" }],
  [CORRUPTION, "none", null],
  [CORRUPTION, "wave:1:0.25", {
    mix: { probability: 0, strength: 0 },
    wave: { probability: 1, amplitude: 0.25 },
    patch: { probability: 0, size: 2 },
  }],
];

Deno.test("kinds read text and JSON alike, and write text that they read again", () => {
  for (const [kind, from, value] of TAKEN) {
    assert.deepEqual(kind.parse(from), value, from);
    assert.deepEqual(kind.parse(kind.write(value)), value, from);
    if (value !== null) assert.deepEqual(kind.read(value), value, from);
  }
});

const REFUSED: readonly (readonly [Kind<unknown>, readonly string[], string])[] = [
  [number({ above: 0, most: 1 }), ["", "0", "1.1", "x", "Infinity", "1,"], "above 0 and at most 1"],
  [whole({ least: 1 }), ["0", "1.5", "-1", "9007199254740993"], "a whole number of at least 1"],
  [whole({ least: 1, most: 32 }), ["99"], "a whole number from 1 to 32"],
  [three(), ["1,2", "1,2,3,4", "1,,3", ""], "three numbers"],
  [words(["a", "b"]), ["", "a,", "c"], "some of a, b"],
  [text("a path", "path"), ["", "a\0b"], "a path"],
  [pairs, ["", "a", "=1", "a=1,", "a=1,b", 'a="1', 'a="1"x', "b,a=1"], "KEY=VALUE"],
  [
    CORRUPTION,
    [
      "",
      "mix",
      "mix:",
      "mix::",
      "mix:1",
      "mix:1:",
      "mix:1:2",
      "mix:1:1:1",
      "patch:1:1",
      "patch:1:2.5",
    ]
      .concat(["constructor:0.5:0.5", "__proto__:0:0", "none,mix:1:1", "mix:1:1,"]),
    "some of mix:P:STRENGTH",
  ],
];

Deno.test("kinds refuse other text in words, naming the part that is wrong", () => {
  for (const [kind, texts, expected] of REFUSED) {
    for (const each of texts) {
      assert.equal(kind.parse(each), undefined, each);
      assert.ok(refusalOf(kind, each).includes(expected), refusalOf(kind, each));
    }
  }
  assert.equal(refusalOf(words(["a", "b"]), "a, c"), 'found "c", expected some of a, b');
});

const ALL: readonly Kind<unknown>[] = Object.values<Setting>(SETTINGS).map(({ kind }) => kind);

Deno.test("no kind throws, whatever text or JSON it gets", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), fc.jsonValue(), (from, value) => {
      for (const kind of ALL) {
        const read = kind.read(value);
        if (read !== undefined) kind.write(read);
        if (kind.parse(from) === undefined) refusalOf(kind, from);
      }
    }),
    { seed: 20261130, numRuns: 200 },
  );
});

Deno.test("kinds take no longer than the length of a text asks for", () => {
  const long = [
    "mix:0.1:0.1,".repeat(50_000) + "x",
    `mix:${"1".repeat(500_000)}`,
    ",".repeat(500_000),
    "a=".repeat(250_000),
    'a="' + "\\".repeat(500_000),
    "1:".repeat(250_000),
    " ".repeat(500_000),
  ];
  const start = performance.now();
  for (const from of long) {
    for (const kind of new Set(ALL)) {
      kind.parse(from);
      refusalOf(kind, from);
    }
  }
  assert.ok(performance.now() - start < 60_000);
});

Deno.test("a value in a message is short, however large or deep it is", () => {
  const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000));
  for (const value of [deep, { a: deep }, "x".repeat(1e6), 1e300, null, true, []]) {
    assert.ok(shownValue(value).length < 300);
  }
});
