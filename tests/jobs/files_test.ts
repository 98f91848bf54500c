/** The commands as functions, for other programs. */

import assert from "node:assert/strict";
import { loadSigns } from "../../src/data/signs.ts";
import { Interrupted, UsageError } from "../../src/errors.ts";
import { auditFile, eraseFile, evaluateFile, resumeErase } from "../../src/jobs/files.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { SILENT } from "../../src/jobs/watcher.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { writeTinyModel } from "../tasks/tiny_model.ts";

/** Settings that make a job take a second or two. */
const TINY = {
  trainIndices: "0:128",
  limit: 64,
  batchSize: 32,
  epochs: 2,
  tune: false,
  audit: false,
};

Deno.test("eraseFile() stops at an abort, and resumeErase() goes on to the cleaned model", async () => {
  await withTemporaryFolder(async (folder) => {
    const model = await writeTinyModel(folder);
    const out = `${folder}/run`;
    const stop = new AbortController();
    const lines: string[] = [];
    const watcher = {
      ...SILENT,
      line(text: string) {
        lines.push(text);
        if (text.includes("epoch 1/2")) stop.abort();
      },
    };
    await assert.rejects(
      eraseFile(model, "signs", { settings: TINY, out, signal: stop.signal, watcher }),
      Interrupted,
    );
    assert.ok(lines.some((line) => line.startsWith("cleaning ")));
    const result = await resumeErase(out);
    assert.equal(result.out, out);
    assert.equal(result.record.finished, true);
    assert.equal(result.record.settings.logEvery, null);
    assert.ok(result.verdict.headline.length > 0);
    assert.ok((await Deno.stat(result.model)).isFile);
    const measured = await evaluateFile(result.model, "signs", { settings: { limit: 64 } });
    const { after } = result.record.results as { after: { correct: number } };
    assert.equal(measured.correct, after.correct);
  });
});

Deno.test("evaluateFile() takes own images with a table of labels, names of classes and a size", async () => {
  await withTemporaryFolder(async (folder) => {
    const model = await writeTinyModel(folder);
    const images = `${folder}/pictures`;
    await Deno.mkdir(images);
    const { test, classNames } = loadSigns({ testCount: 20, trainCount: 20 });
    const { height, width } = test;
    const size = 3 * height * width;
    const rows = ["file,label"];
    for (const [i, label] of test.labels.entries()) {
      const pixels = test.pixels.slice(i * size, (i + 1) * size);
      await Deno.writeFile(`${images}/${i}.png`, encodePng({ height, width, pixels }));
      rows.push(`${i}.png,${classNames[label]}`);
    }
    await Deno.writeTextFile(`${folder}/labels.csv`, rows.join("\n"));
    await Deno.writeTextFile(`${folder}/names.json`, JSON.stringify(classNames));
    const settings = {
      labelsFile: `${folder}/labels.csv`,
      classNamesFile: `${folder}/names.json`,
      size: "32x32",
      resize: "crop",
    };
    const measured = await evaluateFile(model, images, { settings });
    assert.ok(measured.samples > 0 && measured.samples < 20);
    await assert.rejects(evaluateFile(model, "signs", { settings }), UsageError);
    const wrong = { settings: { ...settings, size: "32" } };
    await assert.rejects(
      evaluateFile(model, images, wrong),
      /size: found "32", expected HEIGHTxWI/,
    );
  });
});

Deno.test("jobs refuse what the commands refuse, in the same words", async () => {
  await withTemporaryFolder(async (folder) => {
    const model = await writeTinyModel(folder);
    const refused: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{ cleanFracton: 1 }, /"cleanFracton": defend has none of that name; did you mean "cleanFra/],
      [{ cleanFraction: 7 }, /cleanFraction: found 7, expected a number above 0 and at most 1$/],
      [{ epochs: "3" }, /epochs: found "3", expected a whole number of at least 1$/],
      [{ trainIndices: "0:9", cleanFraction: 1 }, /cannot take both --train-indices and/],
    ];
    for (const [settings, message] of refused) {
      await assert.rejects(eraseFile(model, "signs", { settings }), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(auditFile(model, "signs", { settings: { limit: 3 } }), UsageError);
  });
});
