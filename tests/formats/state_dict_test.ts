import assert from "node:assert/strict";
import { parseCheckpoint } from "../../src/formats/parse_checkpoint.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { readTorch } from "../../src/formats/torch.ts";
import { writeTorch } from "../../src/formats/torch_write.ts";
import { assertRefused, tensor } from "./assertions.ts";
import {
  dictionary,
  float32Bytes,
  global,
  integer,
  pickle,
  storage,
  text,
  tuple,
  view,
  zipFile,
} from "./pickle_build.ts";

type Part = Parameters<typeof pickle>[0];

const one = (offset: number): Part => view(storage("FloatStorage", "0", 4), offset, [1], [1]);

/** A state dict whose weight is `offset`. */
const network = (offset: number): Part =>
  dictionary(text("conv1.weight"), one(offset), text("conv1.bias"), one(0));

const file = (...parts: Part[]) => zipFile(pickle(...parts), { 0: float32Bytes(0, 1, 2, 3) });

/** The weight of the network that is found. */
const found = (key: string | undefined, ...parts: Part[]) => {
  const { tensors } = readTorch(file(...parts), "a file", key);
  return tensors.get("conv1.weight")?.data[0];
};

const refused = (pattern: RegExp, ...parts: Part[]) =>
  assertRefused(() => readTorch(file(...parts), "a file"), pattern);

Deno.test("readTorch() finds the one dictionary that holds weights, wherever it lies", () => {
  for (const key of ["model_state", "state", "net_state_dict", "weights", "params", "x"]) {
    assert.equal(found(undefined, dictionary(text(key), network(2))), 2, key);
    const accuracy = dictionary(
      text("acc"),
      one(1),
      text("epoch"),
      integer(5),
      text(key),
      network(2),
    );
    assert.equal(found(undefined, accuracy), 2, key);
  }
  const deep = dictionary(text("a"), ["](", "N", tuple(integer(1), network(3)), "e"]);
  assert.equal(found(undefined, deep), 3);
  assert.equal(found(undefined, tuple(network(3), integer(7))), 3);
  const optimizer = dictionary(
    integer(0),
    dictionary(text("exp_avg"), one(1), text("step"), one(1)),
  );
  assert.equal(
    found(
      undefined,
      dictionary(text("optimizer"), dictionary(text("state"), optimizer), text("n"), network(2)),
    ),
    2,
  );
  const twice = [
    network(2),
    "q",
    [9],
    "0",
    dictionary(text("a"), ["h", [9]], text("b"), ["h", [9]]),
  ];
  assert.equal(found(undefined, twice), 2, "one dictionary under two keys");
  const defaults = [
    global("collections", "defaultdict"),
    tuple(global("builtins", "list")),
    "R",
    text("conv1.weight"),
    one(2),
    "s",
  ];
  assert.equal(found(undefined, dictionary(text("d"), defaults)), 2);
});

Deno.test("readTorch() prefers the usual keys, and else refuses several networks by their keys", () => {
  for (const key of ["state_dict", "model_state_dict", "net", "model"]) {
    assert.equal(found(undefined, dictionary(text("ema"), network(1), text(key), network(2))), 2);
  }
  const both = dictionary(text("model"), network(1), text("state_dict"), network(2));
  assert.equal(found(undefined, both), 2);
  const inner = dictionary(
    text("c"),
    dictionary(text("ema"), network(1), text("model"), network(2)),
  );
  assert.equal(found(undefined, inner), 2);
  const bare = dictionary(text("conv1.weight"), one(3), text("ema"), network(1));
  assert.equal(found(undefined, bare), 3);
  refused(
    /several dictionaries of tensors, under the keys "netC", "netG\.ema", expected one, or its key/,
    dictionary(text("netC"), network(1), text("netG"), dictionary(text("ema"), network(2))),
  );
  const many = Array.from({ length: 20 }, (_, i) => [text(`n${i}`), network(1)]);
  refused(/"n7" and 12 more/, dictionary(...many));
});

Deno.test("readTorch() takes the dictionary under a key that it is given", () => {
  const parts = dictionary(
    text("netC"),
    network(1),
    text("netG"),
    dictionary(text("ema"), network(2)),
  );
  assert.equal(found("netC", parts), 1);
  assert.equal(found("netG.ema", parts), 2);
  assert.equal(found("1", "](", network(1), network(2), "e"), 2);
  assert.throws(
    () => found("netX", parts),
    /no dictionary of tensors under the key "netX", expected one of "netC", "netG\.ema"/,
  );
});

Deno.test("readTorch() lists the keys of a checkpoint without tensors and what lies there", () => {
  const array = [global("numpy.core.multiarray", "_reconstruct"), tuple(integer(0)), "R"];
  refused(
    /no tensors in a dictionary with the keys "conv1\.weight" \(an object of "numpy\.core\.multiarray\._reconstruct"\), "n", expected/,
    dictionary(text("conv1.weight"), array, text("n"), integer(1)),
  );
});

const PREFIXES = [
  "",
  "module.",
  "_orig_mod.",
  "module._orig_mod.",
  "_orig_mod.module.",
  "state/model/",
  "module.module.",
  "model.",
  "net.backbone.",
  "a.b.c.d.",
];

Deno.test("parseCheckpoint() takes off the prefix that all names share, in every format", async () => {
  const names = ["conv1.weight", "conv1.bias", "fc.weight"];
  for (const prefix of PREFIXES) {
    const value = tensor("float32", [1], Float32Array.of(1));
    const state = new Map(names.map((name) => [prefix + name, value]));
    for (const bytes of [writeSafetensors(state), writeTorch(state)]) {
      const { tensors } = await parseCheckpoint(bytes, "a file");
      assert.deepEqual([...tensors.keys()].toSorted(), names.toSorted(), prefix);
    }
  }
});

Deno.test("parseCheckpoint() skips the counter of an averaged model, and keeps other names", async () => {
  const value = tensor("float32", [1], Float32Array.of(1));
  const read = async (...names: string[]) => {
    const bytes = writeTorch(new Map(names.map((name) => [name, value])));
    return [...(await parseCheckpoint(bytes, "a file")).tensors.keys()];
  };
  assert.deepEqual(await read("n_averaged", "module.fc.weight", "module.conv.weight"), [
    "fc.weight",
    "conv.weight",
  ]);
  assert.deepEqual(await read("conv1.weight", "conv10.weight"), ["conv1.weight", "conv10.weight"]);
  assert.deepEqual(await read("module.a.weight", "b.weight"), ["module.a.weight", "b.weight"]);
  assert.deepEqual(await read("fc.weight"), ["fc.weight"]);
  assert.deepEqual(await read("mask", "pattern"), ["mask", "pattern"]);
});

Deno.test("parseCheckpoint() gives the SHA-256 of what it read", async () => {
  const bytes = writeSafetensors(new Map());
  const { digest } = await parseCheckpoint(bytes, "a file");
  const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  assert.equal(digest, expected);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

Deno.test("parseCheckpoint() refuses a key for a safetensors file", async () => {
  await assert.rejects(
    parseCheckpoint(writeSafetensors(new Map()), "a file", { key: "net" }),
    /found a safetensors file, which holds one network/,
  );
});
