/** Wrong usage of the commands: one message that says what is wrong, exit code 2, nothing done. */

import assert from "node:assert/strict";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { argumentOf } from "../../src/settings/setting.ts";
import { flagName, rowsOf } from "../../src/settings/table.ts";
import { COMMANDS } from "../../tasks/main.ts";
import { assertRefused, filesUnder, runHere, runTask, type Task } from "./command.ts";
import { writeTinyModel } from "./tiny_model.ts";

const TASKS = [
  "erase",
  "defend",
  "attack",
  "evaluate",
  "audit",
  "sweep",
  "doctor",
] as const;

for (const task of TASKS) {
  Deno.test(`${task} --help lists the flags and gives examples, in 80 columns`, async () => {
    const { code, stdout, stderr } = await runHere(task, ["--help"]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    assert.match(stdout, new RegExp(`^Usage: deno task ${task} \\[options\\]`));
    assert.match(stdout, /--json +print one JSON document/);
    assert.match(stdout, new RegExp(`Examples:\n  deno task ${task}`));
    const all = await runHere(task, ["--help-all"]);
    for (const line of `${stdout}\n${all.stdout}`.split("\n")) assert.ok(line.length <= 80, line);
  });
}

Deno.test("a true process prints help, and refuses wrong usage with exit code 2", async () => {
  const { code, stdout, stderr } = await runTask("erase", ["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const { length } = stdout.trimEnd().split("\n");
  assert.ok(length <= 25, `the first screen of help has ${length} lines`);
  assert.equal(stdout, (await runHere("erase", ["--help"])).stdout);
  assertRefused(await runTask("erase", ["--clean-fraction", "7"]), 2, /'7' is invalid/);
});

Deno.test("--help-all lists every flag of the table, each in its section", async () => {
  const { stdout } = await runHere("erase", ["--help-all"]);
  for (const [name, row] of rowsOf("erase")) {
    assert.match(stdout, new RegExp(`^  --(\\[no-\\]|no-)?${flagName(name, row)}\\b`, "m"));
  }
  for (const section of ["Model and images", "Attack", "Training", "Run", "Recipes"]) {
    assert.match(stdout, new RegExp(`^${section}:$`, "m"));
  }
});

Deno.test("--key names the dictionary of a checkpoint, and a safetensors file has none", async () => {
  await withTemporaryFolder(async (folder) => {
    const model = await writeTinyModel(folder);
    assertRefused(
      await runHere("evaluate", [model, "--key", "model"], { folder }),
      1,
      /a safetensors file, which holds one network, expected none of its keys to be named/,
    );
  });
});

Deno.test("no flag takes an empty value", async () => {
  for (const { name, argument } of COMMANDS) {
    for (const [key, row] of rowsOf(name)) {
      if (argumentOf(row) === undefined) continue;
      const flag = `--${flagName(key, row)}`;
      const args = argument && !argument.gives ? ["something", flag, ""] : [flag, ""];
      assertRefused(await runHere(name, args), 2, /argument '' is invalid/);
    }
  }
});

const WRONG: readonly (readonly [Task, string, RegExp])[] = [
  ["erase", "--clean-fracton 0.1", /unknown option '--clean-fracton'\n\(Did you mean --clean-fr/],
  ["evaluate", "--modle x", /unknown option '--modle'\n\(Did you mean --model\?\)/],
  ["evaluate", "", /cannot evaluate without a model: name one by --model/],
  ["evaluate", "a.pth b.pth", /too many arguments/],
  ["evaluate", "TINY --model TINY", /cannot take both .*tiny.safetensors and --model/],
  ["erase", "TINY --resume .", /cannot change --model of a resumed run/],
  ["erase", "--corruption constructor:0.5:0.5", /"constructor:0.5:0.5", expected some of mix:P/],
  ["erase", "--corruption mix:0.5:0.5:1", /"mix:0.5:0.5:1", expected some of mix:P/],
  ["erase", "--clean-fraction 7", /'7' is invalid.*a number above 0 and at most 1/],
  ["erase", "--clean-fraction 0.1 --train-indices 0:64 --model TINY", /cannot take both/],
  [
    "erase",
    "--train-indices 9:3 --model TINY",
    /range 9:3: it holds no record, expected A below B/,
  ],
  ["erase", "--train-indices 0:99999 --model TINY", /found 12000 records/],
  ["erase", "--batch-size 0", /'0' is invalid.*a whole number of at least 1/],
  ["erase", "--batch-size 1.5", /'1.5' is invalid/],
  ["erase", "--lr -1", /'-1' is invalid.*above 0/],
  ["erase", "--epochs x", /'x' is invalid.*a whole number of at least 1/],
  ["erase", "--momentum 1", /'1' is invalid.*at least 0 and below 1/],
  ["erase", "--extrapolation 2", /'2' is invalid.*from 0 to 1/],
  ["erase", "--extrapolation 0.2 --recipe paper", /cannot extrapolate by 0.2.*--statistics clean/],
  ["erase", "--betas 1,-2", /'1,-2' is invalid.*a number of at least 0 for each tap/],
  ["erase", "--augment crop,flop", /"flop", expected some of crop, flip, cutout, none/],
  ["erase", "--recipe papers", /'papers' is invalid. Allowed choices are lethe, paper, authors/],
  ["erase", "--lr-schedule step", /'step' is invalid. Allowed choices are authors/],
  ["erase", "--dataset cifar10", /cannot erase without a model: the embedded one knows only signs/],
  ["erase", "--model TINY --target 3", /cannot aim without an attack: name one by --attack/],
  ["evaluate", "--model TINY --attack badnet", /unknown attack "badnet".*did you mean "badnets"/],
  ["evaluate", "--model TINY --dataset cifar1", /data set "cifar1".*did you mean "cifar10"/],
  ["evaluate", "--model TINY --attack badnets --attack-options size=99", /"99".*from 1 to 32/],
  ["evaluate", "--model TINY --attack badnets --attack-options sise=3", /option "sise"/],
  ["evaluate", "--model TINY --std 0,1,1", /'0,1,1' is invalid.*three numbers above 0/],
  ["evaluate", "TINY --size 32", /'32' is invalid.*HEIGHTxWIDTH/],
  ["evaluate", "TINY --class-order size", /'size' is invalid. Allowed choices are name, numeric/],
  ["attack", "", /cannot train without an attack: name one by --attack, or --attack none/],
  ["attack", "--attack none --target 3", /cannot poison with --attack none/],
  ["attack", "--attack badnets --poison-rate 2", /'2' is invalid.*above 0 and at most 1/],
  ["attack", "--attack badnets --arch resnet_18", /"resnet_18": expected wrn-DEPTH-WIDTH/],
  ["attack", "--attack none --arch wrn-60000000004-1", /depth 60000000004: expected 6 n \+ 4/],
  ["attack", "--attack none --arch wrn-16-99999999999", /width 99999999999: expected 1 to 100/],
  ["attack", "--attack badnets --arch wrn-11-1", /depth 11: expected 6 n \+ 4/],
  ["erase", "--resume . --lr 0.1", /cannot change --lr of a resumed run/],
];

for (const [task, flags, message] of WRONG) {
  Deno.test(`${task} ${flags} is refused as wrong usage`.replace("  ", " "), async () => {
    await withTemporaryFolder(async (folder) => {
      const model = await writeTinyModel(folder);
      const args = flags.split(" ").filter(Boolean).map((arg) => arg.replace("TINY", model));
      const finished = await runHere(task, args, { folder });
      assertRefused(finished, 2, message);
      assert.deepEqual(await filesUnder(folder), ["tiny.safetensors"]);
    });
  });
}
