/** `deno task report`: a run folder as one HTML page with pictures. */

import { dirname } from "node:path";
import { FormatError, Interrupted, messageOf } from "../src/errors.ts";
import { writeFileAtomic } from "../src/formats/write_file.ts";
import { rebuiltCommand } from "../src/report/rebuilt_command.ts";
import { readRun } from "../src/report/run_contents.ts";
import { folderStore } from "../src/runs/folder_store.ts";
import { REPORTED_COMMANDS, type RunReport, runReport } from "../src/report/run_report.ts";
import { measureRun } from "./command_line/measure_run.ts";
import { newCommand, runCommand } from "./command_line/run_command.ts";
import { typedCommand } from "./command_line/typed_command.ts";
import { flag, integer } from "./command_line/values.ts";

interface Flags {
  images: number;
  out?: string;
}

const DEFAULT_IMAGES = 500;

const command = newCommand(
  "report",
  "Renders a run folder as one HTML page that loads nothing from elsewhere: verdict, curves,\n" +
    "attention maps, changed predictions, confusion, settings. Its pictures are also written as PNG.",
  [
    "runs/erase-1",
    "runs/attack-1 --images 2000",
    "runs/erase-1 --out erasing.html --json",
  ],
);
command
  .argument("<run-folder>", `of ${REPORTED_COMMANDS.join(", ")}`)
  .addOption(
    flag("--images <n>", "test images to measure the models of the run on", integer(1))
      .default(DEFAULT_IMAGES),
  )
  .option("--out <file.html>", "the page (default: report.html in the run folder)");

await runCommand(command, async ({ output, signal }) => {
  const { images, out } = command.opts<Flags>();
  const path = command.args[0]!.replace(/(?<=.)[/\\]+$/, "");
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
  const report = runReport({
    run,
    ...measured,
    commands: [
      {
        purpose: "Makes the run again, in a new folder:",
        line: rebuiltCommand(run, measured.recorded),
      },
      { purpose: "Makes this report again:", line: reportCommand(path, images, out) },
    ],
  });
  const page = out ?? `${path}/report.html`;
  const pictures = await writeReport(page, report);
  output.result(`report: ${page}`);
  output.document({ report: page, pictures });
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
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    const reason = messageOf(error);
    throw new FormatError(`cannot make the folder ${folder}: ${reason}`, { cause: error });
  }
  const paths: string[] = [];
  for (const { name, png } of pictures) {
    const path = `${folder}/${name}.png`;
    await writeFileAtomic(path, png);
    paths.push(path);
  }
  await writeFileAtomic(page, new TextEncoder().encode(html));
  return paths;
}
