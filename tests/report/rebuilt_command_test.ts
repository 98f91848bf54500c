import assert from "node:assert/strict";
import { quoted, rebuiltCommand } from "../../src/report/rebuilt_command.ts";
import {
  type AttackCommandFlags,
  attackSettings,
} from "../../tasks/command_line/attack_settings.ts";
import {
  addAuditFlags,
  type AuditFlags,
  auditSettings,
} from "../../tasks/command_line/audit_settings.ts";
import { addDefenseRunFlags } from "../../tasks/command_line/defense_run.ts";
import {
  type DefenseCommandFlags,
  defenseSettings,
} from "../../tasks/command_line/defense_settings.ts";
import {
  addAttackFlags,
  addDataFlags,
  addModelFlags,
  addRunFlags,
  addSubsetFlags,
  addTrainingFlags,
} from "../../tasks/command_line/flags.ts";
import { newCommand } from "../../tasks/command_line/run_command.ts";
import { flag, number } from "../../tasks/command_line/values.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { writeTinyModel } from "../tasks/tiny_model.ts";
import { ERASE_RECORD, HOSTILE, sampleRun } from "./sample_run.ts";

/** The arguments behind the task's name, as a shell splits the command. */
async function splitByShell(command: string): Promise<string[]> {
  const script = `deno() { shift 2; printf '%s\\0' "$@"; }\n${command}`;
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.ok(success);
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

const rebuilt = async (command: string, settings: object, recorded = false) =>
  await splitByShell(
    rebuiltCommand(
      sampleRun({
        ...ERASE_RECORD,
        command,
        settings: JSON.parse(JSON.stringify(settings)),
      }),
      recorded,
    ),
  );

/** What `erase` makes of its arguments. */
async function eraseSettings(args: readonly string[]) {
  const command = newCommand("erase", "", []);
  addDefenseRunFlags(command);
  return await defenseSettings(
    "erase",
    "nad",
    command.parse(args, { from: "user" }).opts<DefenseCommandFlags>(),
  );
}

/** What `attack` makes of its arguments. */
async function attackSettingsOf(args: readonly string[]) {
  const command = newCommand("attack", "", []).option("--arch <name>", "", "wrn-16-1");
  addAttackFlags(command, "none");
  for (const name of ["--poison-rate <x>", "--train-limit <x>", "--train-fraction <x>"]) {
    command.addOption(flag(name, "", number("", () => true)));
  }
  addDataFlags(command);
  addTrainingFlags(command);
  addRunFlags(command);
  return await attackSettings(
    command.parse(args, { from: "user" }).opts<AttackCommandFlags>(),
  );
}

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
    `rebuiltCommand() of erase ${flags} makes the same settings`.replace("  ", " "),
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
  Deno.test(`rebuiltCommand() of attack ${flags} makes the same settings`, async () => {
    const settings = await attackSettingsOf(flags.split(" "));
    assert.deepEqual(await attackSettingsOf(await rebuilt("attack", settings)), settings);
  });
}

Deno.test("rebuiltCommand() of audit makes the same settings", async () => {
  const settingsOf = async (args: readonly string[]) => {
    const command = newCommand("audit", "", []);
    addModelFlags(command);
    addDataFlags(command);
    addSubsetFlags(command);
    addAuditFlags(command);
    return await auditSettings(command.parse(args, { from: "user" }).opts<AuditFlags>());
  };
  const args = "--train-indices 0:99 --classes 1,2,5 --steps 7 --images 50 --seed 4";
  const settings = await settingsOf(args.split(" "));
  assert.deepEqual(await settingsOf(await rebuilt("audit", settings)), settings);
});

Deno.test("rebuiltCommand() names the defence of defend, and that of erase by its command", async () => {
  const settings = { defense: "mcr", model: "m" };
  assert.deepEqual((await rebuilt("defend", settings)).slice(0, 2), ["--defense", "mcr"]);
  assert.deepEqual((await rebuilt("erase", settings)).slice(0, 2), ["--model", "m"]);
});

Deno.test("quoted() gives a shell one word, whatever is in it", async () => {
  const words = ["plain/path_1.0-x", "", "two words", "it's", '$HOME `id` "x" \\', HOSTILE, "a\nb"];
  assert.deepEqual(await splitByShell(`deno task x ${words.map(quoted).join(" ")}`), words);
});

Deno.test("rebuiltCommand() quotes what settings hold", async () => {
  const model = "/x/'; rm -rf ~ #";
  assert.deepEqual(await rebuilt("erase", { model }), ["--model", model]);
});
