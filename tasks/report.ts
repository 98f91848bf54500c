/** `deno task report`: a run folder as one HTML page with pictures. */

import { dirname } from "node:path";
import { FormatError, Interrupted } from "../src/errors.ts";
import { makeFolder, writeFileAtomic } from "../src/formats/write_file.ts";
import { readRun } from "../src/report/run_contents.ts";
import { folderStore } from "../src/runs/folder_store.ts";
import { REPORTED_COMMANDS, type RunReport, runReport } from "../src/report/run_report.ts";
import { commandOf } from "../src/settings/record.ts";
import { SETTINGS } from "../src/settings/table.ts";
import { measureRun } from "../src/jobs/measure_run.ts";
import { defineCommand } from "./command_line/command.ts";
import { typedCommand } from "../src/jobs/typed_command.ts";

const DEFAULT_IMAGES = SETTINGS.reportImages.default;

/** Renders a run. */
export const report = defineCommand({
  name: "report",
  summary:
    "Renders a run folder as one HTML page that loads nothing from elsewhere: verdict, curves, " +
    "attention maps, changed predictions, confusion, settings. Its pictures are also written as PNG.",
  examples: [
    "runs/erase-1",
    "runs/attack-1 --images 2000",
    "runs/erase-1 --out erasing.html --json",
  ],
  argument: { name: "run-folder", help: `of ${REPORTED_COMMANDS.join(", ")}` },
  async run({ argument = "", output, signal }, { reportImages: images, page: out }) {
    const path = argument.replace(/(?<=.)[/\\]+$/, "");
    const run = await readRun(folderStore(path));
    if (!REPORTED_COMMANDS.includes(run.record.command)) {
      throw new FormatError(
        `cannot report on ${path}: it is a run of ${run.record.command}, expected one of ` +
          REPORTED_COMMANDS.join(", "),
      );
    }
    const measured = await measureRun(run, { images, output, signal }).catch((error) => {
      throw error instanceof Interrupted ? new Interrupted("stopped; nothing was written") : error;
    });
    for (const { what, why } of [...run.missing, ...measured.missing]) {
      output.line(`left out what needs ${what}: ${why}`);
    }
    const rendered = runReport({
      run,
      ...measured,
      commands: [
        {
          purpose: "Makes the run again, in a new folder:",
          line: commandOf(run.record.settings, {
            command: run.record.command,
            recorded: measured.recorded,
            caller: typedCommand(),
          }),
        },
        { purpose: "Makes this report again:", line: reportCommand(path, images, out) },
      ],
    });
    const page = out ?? `${path}/report.html`;
    const pictures = await writeReport(page, rendered);
    output.result(`report: ${page}`);
    output.document({ report: page, pictures });
  },
});

function reportCommand(path: string, images: number, out: string | undefined): string {
  const flags = [
    ...images === DEFAULT_IMAGES ? [] : ["--images", String(images)],
    ...out === undefined ? [] : ["--out", out],
  ];
  return typedCommand("report", path, ...flags);
}

/** Writes the pictures next to the page, and then the page; returns the pictures' paths. */
async function writeReport(page: string, { html, pictures }: RunReport): Promise<string[]> {
  const folder = `${dirname(page)}/pictures`;
  await makeFolder(folder);
  const paths: string[] = [];
  for (const { name, png } of pictures) {
    const path = `${folder}/${name}.png`;
    await writeFileAtomic(path, png);
    paths.push(path);
  }
  await writeFileAtomic(page, new TextEncoder().encode(html));
  return paths;
}
