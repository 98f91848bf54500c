/** What is printed where: results, talk and progress, and nothing that a terminal would obey. */

import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { openOutput, type Output } from "../../tasks/command_line/output.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { ROOT } from "./command.ts";

/** Every character that moves a cursor, starts a command of a terminal, hides or turns text. */
const OBEYED = [
  ...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 33 }, (_, i) => String.fromCharCode(0x7f + i)),
  ..."\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff",
  "\ud800",
  "\udc00",
];
const RAW = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Runs `body` with outputs that are kept. */
function kept(
  flags: { json?: boolean; quiet?: boolean },
  body: (output: Output) => void,
): { out: string; error: string } {
  const bytes = { out: [] as number[], error: [] as number[] };
  const stream = (name: keyof typeof bytes) => ({
    // Two thirds at a time, as a pipe may take it.
    writeSync(text: Uint8Array) {
      const part = text.subarray(0, Math.ceil(text.length * 2 / 3));
      bytes[name].push(...part);
      return part.length;
    },
    isTerminal: () => false,
  });
  body(openOutput({
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
    out: stream("out"),
    error: stream("error"),
  }));
  const text = (name: keyof typeof bytes) => new TextDecoder().decode(Uint8Array.from(bytes[name]));
  return { out: text("out"), error: text("error") };
}

const everything = (output: Output) => {
  output.line("talk");
  output.result("result");
  output.warning("warning");
  output.error("fault");
  output.progress("half of it");
  output.document({ share: 0.5 });
};

Deno.test("results go to standard output, talk to standard error", () => {
  const plain = { out: "result\n", error: "talk\nwarning\nerror: fault\n" };
  assert.deepEqual(kept({}, everything), plain);
  const document = '{\n  "share": 0.5\n}\n';
  const json = { out: document, error: "talk\nresult\nwarning\nerror: fault\n" };
  assert.deepEqual(kept({ json: true }, everything), json);
});

Deno.test("--quiet leaves results, warnings and errors, and beside JSON no result", () => {
  const quiet = { out: "result\n", error: "warning\nerror: fault\n" };
  assert.deepEqual(kept({ quiet: true }, everything), quiet);
  const { out, error } = kept({ quiet: true, json: true }, everything);
  assert.deepEqual([JSON.parse(out), error], [{ share: 0.5 }, "warning\nerror: fault\n"]);
});

for (const kind of ["line", "result", "warning", "error"] as const) {
  Deno.test(`a ${kind} holds nothing that a terminal obeys`, () => {
    for (const character of OBEYED) {
      if (character === "\n" && (kind === "line" || kind === "result")) continue;
      const { out, error } = kept({}, (output) => output[kind](`a${character}b`));
      const printed = out + error;
      assert.match(printed, /a\\u[0-9a-f]{4}b\n$/);
      assert.doesNotMatch(printed.slice(0, -1), RAW);
    }
  });

  Deno.test(`a ${kind} of twenty million characters is cut`, () => {
    const { out, error } = kept({}, (output) => output[kind](`begins${"x".repeat(2e7)}`));
    assert.match(out + error, /begins.* and 19996006 more characters\n$/);
    assert.ok((out + error).length < 4100);
  });
}

Deno.test("a JSON document holds nothing that a terminal obeys, and reads the same", () => {
  const value = { [`key ${OBEYED.join(" ")}`]: [`text ${OBEYED.join(" ")}`, "日本 ü 😀"] };
  const { out } = kept({ json: true }, (output) => output.document(value));
  assert.doesNotMatch(out.replaceAll("\n", ""), RAW);
  assert.match(out, /\\u001b.*\\u009b/);
  assert.deepEqual(JSON.parse(out), value);
});

Deno.test("numbers that are none are null in JSON", () => {
  const value = { accuracy: NaN, margin: Infinity, anomaly: -Infinity };
  const { out } = kept({ json: true }, (output) => output.document(value));
  assert.deepEqual(JSON.parse(out), { accuracy: null, margin: null, anomaly: null });
});

/** A stream that takes nothing. */
const failing = (error: Error) => ({
  writeSync(): number {
    throw error;
  },
  isTerminal: () => false,
});
const full = () => Object.assign(new Error("No space left on device"), { code: "ENOSPC" });

Deno.test("talk that cannot be written is dropped, and a result that cannot is an error", () => {
  const output = openOutput({
    json: true,
    quiet: false,
    out: failing(full()),
    error: failing(full()),
  });
  output.line("talk");
  output.warning("warning");
  output.error("fault");
  output.end();
  assert.throws(
    () => output.document({}),
    (error) =>
      error instanceof FormatError && /standard output: the disk is full/.test(error.message),
  );
  const plain = openOutput({ json: false, quiet: false, out: failing(new Error("EIO")) });
  assert.throws(() => plain.result("table"), /cannot write the result to standard output: EIO/);
  const left = failing(new Deno.errors.BrokenPipe("nobody reads"));
  openOutput({ json: true, quiet: false, out: left }).document({});
});

Deno.test({
  name: "a command whose outputs are full ends with exit code 1 and no stack trace",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withTemporaryFolder(async (folder) => {
      const run = async (line: string) => {
        const args = [
          "-c",
          `deno run --no-prompt --allow-read ${ROOT}/tasks/main.ts report ${line}`,
        ];
        const { code, stderr } = await new Deno.Command("sh", { args, cwd: folder }).output();
        return [code, new TextDecoder().decode(stderr)];
      };
      const [code, text] = await run("--help > /dev/full");
      assert.equal(code, 1);
      assert.equal(text, "error: cannot write the result to standard output: the disk is full\n");
      assert.deepEqual(await run("nothing 2> /dev/full"), [1, ""]);
      assert.deepEqual(await run("--help > /dev/full 2> /dev/full"), [1, ""]);
      assert.deepEqual(await run("nothing >&- 2>&-"), [1, ""]);
      assert.deepEqual(await run("--no-such-flag 2> /dev/full"), [2, ""]);
    });
  },
});

Deno.test("on a terminal sentences are broken at spaces, tables are not, and progress fits", () => {
  const written: string[] = [];
  const terminal = {
    writeSync(bytes: Uint8Array) {
      written.push(new TextDecoder().decode(bytes));
      return bytes.length;
    },
    isTerminal: () => true,
    columns: () => 30,
  };
  const output = openOutput({ json: false, quiet: false, out: terminal, error: terminal });
  const sentence =
    "  The trigger of badnets leads images to class 5, with a_word_longer_than_any_line_is.";
  output.result(sentence);
  assert.equal(
    written.pop(),
    [
      "  The trigger of badnets leads",
      "    images to class 5, with",
      "    a_word_longer_than_any_line_is.\n",
    ].join("\n"),
  );
  const row = `${"name".padEnd(40)}  12.0 %`;
  output.result(row);
  assert.equal(written.pop(), `${row}\n`);
  output.progress(`${"x".repeat(50)} left`);
  assert.equal(written.pop(), `\r\x1b[K${"x".repeat(29)}`);
});
