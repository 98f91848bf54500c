/** The table of settings: that its rows are sound, and that a new one needs no other place. */

import assert from "node:assert/strict";
import { Command as Parser } from "npm:commander@15.1.0";
import { type Recipe, RECIPES } from "../../src/defenses/recipes.ts";
import { FormatError } from "../../src/errors.ts";
import { cellKinds, plannedRows, plannedValue } from "../../src/settings/plan.ts";
import { checkRecorded, commandOf, recordSettings } from "../../src/settings/record.ts";
import { argumentOf, COMMANDS, type Setting } from "../../src/settings/setting.ts";
import { flagName, rowsOf, SETTINGS } from "../../src/settings/table.ts";
import { cellId } from "../../src/sweep/cell_id.ts";
import { parsePlan } from "../../src/sweep/plan.ts";
import { recipeDigest } from "../../src/sweep/recipe_digest.ts";
import { number } from "../../src/text/kinds.ts";
import { addFlags } from "../../tasks/command_line/flags.ts";
import { helpText } from "../../tasks/command_line/help.ts";
import { COMMANDS as COMMAND_VALUES } from "../../tasks/main.ts";

/** A new setting: this row is all that is written of it. */
const TOY: Setting = {
  kind: number({ least: 0, most: 1 }),
  argument: "share",
  help: "share of the toy that is played with",
  default: 0.5,
  section: "Training",
  commands: ["erase", "defend"],
  defenses: ["nad"],
  plan: "cell",
};

const TABLE = { ...SETTINGS, toyShare: TOY };

Deno.test("a flag, its help, a plan's key, digest, record and command follow from one row", () => {
  const parser = new Parser("erase").exitOverride().configureOutput({ writeErr() {} });
  addFlags(parser, "erase", TABLE);
  const parse = (args: string[]) => parser.parse(args, { from: "user" }).opts();
  assert.equal(parse([]).toyShare, 0.5);
  assert.throws(
    () => parse(["--toy-share", "2"]),
    /'2' is invalid. Found "2", expected a number f/,
  );
  const flags = parse(["--toy-share", "0.25"]);
  assert.equal(flags.toyShare, 0.25);

  const erase = COMMAND_VALUES.find(({ name }) => name === "erase")!;
  const help = helpText(erase, { all: true, width: 80, table: TABLE });
  assert.match(
    help,
    /^ +--toy-share <share> +share of the toy that is played with \(default:\n? *0.5\)/m,
  );

  const { "toy-share": kind } = cellKinds(TABLE);
  assert.equal(plannedValue(kind!, 0.25), 0.25);
  assert.equal(plannedValue(kind!, 2), undefined);
  const cell = { model: "m", defense: "nad", recipe: "paper", seed: 1, "toy-share": 0.25 };
  assert.equal(cellId(cell, Object.keys(cellKinds(TABLE))), "m_nad_paper_seed-1_toy-share-0.25");
  const planned = new Map(plannedRows("cell", TABLE));
  assert.deepEqual(planned.get("toy-share")?.defenses, ["nad"]);

  const recipes = { paper: { ...RECIPES.paper, toyShare: 0.1 } as Recipe };
  const digest = (settings: Parameters<typeof recipeDigest>[0]) =>
    recipeDigest(settings, recipes, planned);
  const { "toy-share": _, ...plain } = cell;
  assert.equal(digest(cell), recipeDigest(cell), "the setting replaces the recipe's value");
  assert.notEqual(digest(plain), recipeDigest(plain), "without it the recipe's value counts");
  const finetune = { ...plain, defense: "finetune" };
  assert.equal(digest(finetune), recipeDigest(finetune), "for its defences alone");

  const recorded: Record<string, unknown> = { ...recordSettings("erase", flags, undefined, TABLE) };
  assert.equal(recorded.toyShare, 0.25);
  const run = { command: "erase", recorded: false };
  assert.match(commandOf(recorded, run, TABLE), / --toy-share 0.25( |$)/);
  checkRecorded(recorded, "erase", "run.json", TABLE);
  assert.throws(
    () => checkRecorded({ ...recorded, toyShare: "0.25" }, "erase", "run.json", TABLE),
    (error) =>
      error instanceof FormatError &&
      /run.json: the setting "toy-share" is "0.25", expected a number from 0 to 1$/.test(
        error.message,
      ),
  );
});

Deno.test("every row has a default of its own kind, and one flag in each command", () => {
  for (const [name, row] of Object.entries<Setting>(SETTINGS)) {
    const { kind, default: value, help } = row;
    assert.ok(help.length > 6 && !help.includes("\n"), name);
    if (value !== undefined) assert.deepEqual(kind.read(value), value, name);
    if (argumentOf(row) !== undefined && value !== undefined && !kind.repeated) {
      assert.deepEqual(kind.parse(kind.write(value)), value, name);
    }
  }
  for (const command of COMMANDS) {
    const flags = rowsOf(command).map(([name, row]) => flagName(name, row));
    assert.equal(new Set(flags).size, flags.length, command);
  }
});

Deno.test("every setting of a plan is a flag of defend", () => {
  const flags = new Set(rowsOf("defend").map(([name, row]) => flagName(name, row)));
  const keys = [...plannedRows("cell"), ...plannedRows("model")].map(([key]) => key);
  for (const key of keys) assert.ok(flags.has(key), key);
});

Deno.test("cells keep their names and the digests of their recipes: finished results say so", async () => {
  const read = (path: string) => Deno.readFile(new URL(`../../${path}`, import.meta.url));
  const { rows } = JSON.parse(new TextDecoder().decode(await read("docs/results.json")));
  const { cells } = parsePlan(await read("studies/main_table.json"), "main_table.json");
  const found = new Map(cells.map((cell) => [cell.id, cell.settings]));
  assert.ok(rows.length > 100);
  for (const { id, settings } of rows) {
    const cell = found.get(id);
    assert.ok(cell, id);
    assert.equal(recipeDigest(cell), settings["recipe-sha256"], id);
    for (const [key, value] of Object.entries(cell)) assert.equal(settings[key], value, id);
  }
});
