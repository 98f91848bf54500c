/** A run's settings become a command that makes the same settings again. */

import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import { commandOf } from "../../src/settings/record.ts";
import { attackSettings } from "../../src/jobs/attack_settings.ts";
import { auditSettings } from "../../src/jobs/audit_settings.ts";
import { defenseSettings } from "../../src/jobs/defense_settings.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { flagsOf } from "../settings/flags_of.ts";
import { writeTinyModel } from "../tasks/tiny_model.ts";

/** The arguments behind the task's name, as a shell splits the command. */
async function splitByShell(command: string): Promise<string[]> {
  const script = `deno() { shift 2; printf '%s\\0' "$@"; }\n${command}`;
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.ok(success);
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

const rebuilt = async (command: string, settings: object, recorded = false) =>
  await splitByShell(
    commandOf(JSON.parse(JSON.stringify(settings)), { command, recorded }),
  );

const eraseSettings = (args: readonly string[]) =>
  defenseSettings("erase", "nad", flagsOf("erase", args));

const attackSettingsOf = (args: readonly string[]) => attackSettings(flagsOf("attack", args));

for (
  const [flags, recorded] of [
    ["", false],
    ["--attack recorded", true],
    ["--attack badnets --target 3 --attack-options size=2 --seed 9 --limit 50", false],
    ["--attack sig --target-mode all2all --target 0", false],
    ["--dataset cifar10 --data ./x --train-indices 0:500 --roi --mean 0.5,0.4,0.3", false],
    ["--recipe authors --augment flip,cutout --no-nesterov --lr 0.01 --no-tune", false],
    ["--betas 1,2,3 --taps 2,3 --attention mean --power 4 --epochs 3 --teacher-epochs 5", false],
    ["--betas auto --distance l2 --held-out 0.2 --patience 3 --log-every 10", false],
    [
      "--teacher finetuned --corruption none --averaging 0 --extrapolation 0 --statistics training " +
      "--no-audit",
      false,
    ],
    ["--extrapolation 0.3 --epochs 2", false],
    ["--teacher original --corruption mix:0.1:0.2,patch:0.5:4 --averaging 0.9 --audit", false],
    ["--recipe paper --labels 0.5 --logits 3 --corruption wave:1:0.25", false],
    ["--mean 0.4914,0.4822,0.4465 --std 0.247,0.2435,0.2616 --format pytorch", false],
    ["--scale 1 --mean 125.3,123,113.9 --std 63,62.1,66.7", false],
    ["--augment none --lr-schedule paper --batch-size 32 --momentum 0 --weight-decay 0", false],
  ] as const
) {
  Deno.test(
    `the command rebuilt of erase ${flags} makes the same settings`.replace("  ", " "),
    async () => {
      await withTemporaryFolder(async (folder) => {
        const model = await writeTinyModel(folder);
        const args = ["--model", model, ...flags.split(" ").filter(Boolean)];
        // A run keeps the batch size and the rate that fit its images; the command then names them.
        const settings = await eraseSettings(args);
        const again = await eraseSettings(await rebuilt("erase", settings, recorded));
        assert.deepEqual(again, { ...settings, leastSteps: 0, scaleRate: false });
      });
    },
  );
}

for (
  const flags of [
    "--attack badnets --target 5 --train-limit 300 --epochs 2",
    "--attack none --train-fraction 0.1 --augment crop --arch wrn-10-1",
    "--attack blend --poison-rate 0.2 --attack-options alpha=0.1 --lr-schedule cosine",
  ]
) {
  Deno.test(`the command rebuilt of attack ${flags} makes the same settings`, async () => {
    const settings = await attackSettingsOf(flags.split(" "));
    assert.deepEqual(await attackSettingsOf(await rebuilt("attack", settings)), settings);
  });
}

Deno.test("the command rebuilt of audit makes the same settings", async () => {
  const settingsOf = (args: readonly string[]) => auditSettings(flagsOf("audit", args));
  const args = "--train-indices 0:99 --classes 1,2,5 --steps 7 --images 50 --seed 4";
  const settings = await settingsOf(args.split(" "));
  assert.deepEqual(await settingsOf(await rebuilt("audit", settings)), settings);
});

Deno.test("the rebuilt command names the defence of defend, and that of erase by its command", async () => {
  const settings = { defense: "mcr", model: "m" };
  assert.deepEqual((await rebuilt("defend", settings)).slice(0, 2), ["--defense", "mcr"]);
  assert.deepEqual((await rebuilt("erase", settings)).slice(0, 2), ["--model", "m"]);
});

Deno.test("the rebuilt command quotes what settings hold", async () => {
  const model = "/x/'; rm -rf ~ #";
  assert.deepEqual(await rebuilt("erase", { model }), ["--model", model]);
});

Deno.test("the rebuilt command brings back every option of an attack, whatever is in it", async () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...AWKWARD));
  const options = fc.dictionary(text.filter((key) => key !== ""), text, { noNullPrototype: true });
  const seen: Record<string, string>[] = [];
  fc.assert(
    fc.property(options, (given) => {
      if (Object.values(given).concat(Object.keys(given)).some((each) => each.includes("\0"))) {
        return;
      }
      const command = commandOf(
        { attack: { name: "blend", target: { mode: "all2one", label: 1 }, options: given } },
        { command: "evaluate", recorded: false },
      );
      const words = unquoted(command);
      const { attackOptions = {} } = flagsOf("evaluate", words);
      assert.deepEqual({ ...attackOptions }, given);
      seen.push(given);
    }),
    { seed: 20261130, numRuns: 300 },
  );
  assert.ok(seen.length > 100);
  const given = { image: "data:image/png;base64,AA==", mask: "a, b\n'c'" };
  const settings = { attack: { name: "blend", target: { mode: "all2all" }, options: given } };
  const args = await rebuilt("evaluate", settings);
  assert.deepEqual({ ...flagsOf("evaluate", args).attackOptions }, given);
});

/** Texts that could be taken for punctuation of options. */
const AWKWARD = [
  "a,b",
  "=",
  '"',
  '"a"',
  " a ",
  "a=b",
  "\\",
  "__proto__",
  "data:image/png;base64,A==",
];

/** The words behind the task's name of a command that was quoted for a shell. */
function unquoted(command: string): string[] {
  const words: string[] = [];
  for (const line of command.split(" \\\n  ").slice(1)) {
    const at = line.indexOf(" ");
    const value = line.slice(at + 1);
    words.push(
      line.slice(0, at),
      value.startsWith("'") ? value.slice(1, -1).replaceAll("'\\''", "'") : value,
    );
  }
  return words;
}
