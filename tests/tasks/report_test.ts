/** `deno task report`: what it writes, what it leaves out, and what it refuses. */

import assert from "node:assert/strict";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { assertGoodPage } from "../report/markup.ts";
import { ERASE_RECORD } from "../report/sample_run.ts";
import { assertRefused, filesUnder, type Finished, NO_DRIVER, runTask } from "./command.ts";
import { TINY_DATA, TINY_ERASURE, tinyModelBytes, writeTinyModel } from "./tiny_model.ts";

/** Makes a run of `erase` of the tiny model, in `run` under `folder`. */
async function eraseTiny(folder: string): Promise<void> {
  await writeTinyModel(folder);
  const args = ["--model", "tiny.safetensors", "--attack", "recorded", "--out", "run", "--quiet"];
  const { code, stderr } = await runTask("erase", [...args, ...TINY_DATA, ...TINY_ERASURE], {
    folder,
  });
  assert.equal(code, 0, stderr);
}

/** The page in `folder`, checked, with the titles of its sections. */
async function readReport(folder: string): Promise<{ html: string; titles: string[] }> {
  const html = await Deno.readTextFile(`${folder}/report.html`);
  const titles = assertGoodPage(html).flatMap(({ name, text }) => name === "h2" ? [text] : []);
  return { html, titles };
}

function assertDone({ code, stderr }: Finished): void {
  assert.equal(code, 0, stderr);
}

Deno.test("report --help gives the arguments and examples", async () => {
  const { code, stdout, stderr } = await runTask("report", ["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Usage: deno task report \[options\] <run-folder>/);
  assert.match(stdout, /--images <n> .*\(default: 500\)/);
  assert.match(stdout, /Examples:\n {2}deno task report runs\/erase-1\n/);
});

for (
  const [args, message] of [
    ["", /missing required argument 'run-folder'/],
    ["run --imges 5", /unknown option '--imges'\n\(Did you mean --images\?\)/],
    ["run --images 0", /'0' is invalid.*a whole number of at least 1/],
    ["run other", /too many arguments/],
  ] as const
) {
  Deno.test(`report ${args} is refused as wrong usage`, async () => {
    assertRefused(await runTask("report", args.split(" ").filter(Boolean)), 2, message);
  });
}

for (
  const [what, text, message] of [
    ["without run.json", undefined, /cannot report on run: found no run\.json in it/],
    ["with half a run.json", `{"command": "era`, /its run\.json is damaged: it is not JSON/],
    ["with another file as run.json", "{}", /its run\.json is not the record of a run/],
    [
      "of a command that has no report",
      JSON.stringify({ ...ERASE_RECORD, command: "dream" }),
      /it is a run of dream, expected one of erase, defend, attack, audit/,
    ],
  ] as const
) {
  Deno.test(`report refuses a folder ${what}, and writes nothing`, async () => {
    await withTemporaryFolder(async (folder) => {
      await Deno.mkdir(`${folder}/run`);
      if (text !== undefined) await Deno.writeTextFile(`${folder}/run/run.json`, text);
      assertRefused(await runTask("report", ["run"], { folder }), 1, message);
      assert.deepEqual(await filesUnder(folder), text === undefined ? [] : ["run/run.json"]);
    });
  });
}

Deno.test("report refuses a folder that is not there", async () => {
  const finished = await runTask("report", ["/nonexistent/run"]);
  assertRefused(finished, 1, /there is no such folder/);
});

Deno.test("report renders a run of erase, then without its model, then without a GPU", async () => {
  await withTemporaryFolder(async (folder) => {
    await eraseTiny(folder);
    const run = `${folder}/run`;
    const finished = await runTask("report", ["run/", "--json", "--quiet"], { folder });
    assertDone(finished);
    assert.equal(finished.stderr, "");
    const { report, pictures } = JSON.parse(finished.stdout);
    assert.equal(report, "run/report.html");
    assert.ok(pictures.includes("run/pictures/attention-1-triggered-erased.png"));
    const files = await filesUnder(run);
    assert.deepEqual(
      pictures.toSorted(),
      files.filter((file) => file.startsWith("pictures/")).map((file) => `run/${file}`),
    );
    const complete = await readReport(run);
    assert.deepEqual(complete.titles, [
      "Summary",
      "Results",
      "Training",
      "Attention",
      "Changed predictions",
      "Confusion",
      "Settings",
      "Reproduce",
    ]);
    assert.match(complete.html, /--attack recorded\b/);
    assert.doesNotMatch(complete.html, /Left out/);
    assert.match(complete.html, /on 64 test\s+images/);

    await Deno.writeFile(
      `${folder}/tiny.safetensors`,
      tinyModelBytes({ change: (state) => void (state.get("fc.bias")!.data[0] = 1) }),
    );
    const changed = await runTask("report", ["run", "--images", "20"], { folder });
    assertDone(changed);
    assert.match(changed.stderr, /left out what needs the model "backdoored": .* it has changed/);
    const rest = await readReport(run);
    assert.ok(rest.titles.includes("Attention") && !rest.titles.includes("Changed predictions"));
    assert.match(rest.html, /deno task report run --images 20/);

    await Deno.remove(`${folder}/tiny.safetensors`);
    const missing = await runTask("report", ["run", "--out", "page.html"], {
      folder,
      env: NO_DRIVER,
    });
    assertDone(missing);
    const html = await Deno.readTextFile(`${folder}/page.html`);
    const titles = assertGoodPage(html).flatMap(({ name, text }) => name === "h2" ? [text] : []);
    assert.match(html, /What needs the model &quot;backdoored&quot;: .*there is no such file/);
    if (Deno.build.os === "linux") {
      assert.match(html, /What needs a GPU: .*no WebGPU adapter was found/);
      assert.deepEqual(titles, ["Summary", "Results", "Training", "Settings", "Reproduce"]);
    }
  });
});

Deno.test("report renders a run of attack with its trigger", async () => {
  await withTemporaryFolder(async (folder) => {
    const { code, stderr } = await runTask("attack", [
      ...["--attack", "blend", "--target", "3", "--arch", "wrn-10-1", "--train-limit", "256"],
      ...["--out", "run", "--limit", "100", "--batch-size", "32", "--epochs", "1", "--quiet"],
    ], { folder });
    assert.equal(code, 0, stderr);
    assertDone(await runTask("report", ["run", "--images", "50", "--quiet"], { folder }));
    const { html, titles } = await readReport(`${folder}/run`);
    assert.ok(titles.includes("The trigger") && titles.includes("Confusion"));
    assert.match(html, /deno task attack \\\n/);
    assert.match(html, /--attack blend \\\n +--target 3/);
    assert.ok((await filesUnder(`${folder}/run`)).includes("pictures/gallery-1-difference.png"));
  });
});

Deno.test("report says what it leaves out where settings do not name the data", async () => {
  await withTemporaryFolder(async (folder) => {
    const settings = { model: "/nonexistent/model.pth", dataset: "signs", data: 7 };
    await Deno.mkdir(`${folder}/run`);
    const record = JSON.stringify({ ...ERASE_RECORD, settings });
    await Deno.writeTextFile(`${folder}/run/run.json`, record);
    assertDone(await runTask("report", ["run"], { folder }));
    const { html, titles } = await readReport(`${folder}/run`);
    assert.deepEqual(titles, ["Summary", "Results", "Settings", "Reproduce"]);
    assert.match(
      html,
      /What needs the settings: cannot use .*run\.json: the setting .*data.* is 7, expected/,
    );
  });
});
