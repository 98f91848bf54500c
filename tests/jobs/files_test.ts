/** The commands as functions, for other programs. */

import assert from "node:assert/strict";
import { Interrupted, UsageError } from "../../src/errors.ts";
import { auditFile, eraseFile, evaluateFile, resumeErase } from "../../src/jobs/files.ts";
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
