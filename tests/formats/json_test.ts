import assert from "node:assert/strict";
import { FormatError } from "../../src/errors.ts";
import { parseJson } from "../../src/formats/json.ts";

Deno.test("parseJson() reads what JSON.parse() reads, brackets in strings included", () => {
  for (
    const text of ["1", " null ", '{"a":[1,{"b":"]}[{"}]}', `"${"[".repeat(500)}\\""`, '["\\\\"]']
  ) {
    assert.deepEqual(parseJson(text, "cannot read it"), JSON.parse(text));
  }
  const deep = "[".repeat(99) + "]".repeat(99);
  assert.deepEqual(parseJson(deep, "cannot read it"), JSON.parse(deep));
});

Deno.test("parseJson() ends in words for text that is no JSON, or nested too deeply", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /^cannot read it: it is not JSON$/],
    ['{"a":', /it is not JSON/],
    ['"\\', /it is not JSON/],
    ["[".repeat(200_000), /nested too deeply, expected at most 100 levels/],
    [`[${"{},".repeat(2_000_000)}0]`, /^cannot read it: it holds more than 2000000 values$/],
    ['{"a":'.repeat(200_000) + "1" + "}".repeat(200_000), /nested too deeply/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseJson(text, "cannot read it"), (error: Error) => {
      assert.ok(error instanceof FormatError);
      assert.match(error.message, message);
      return true;
    });
  }
});
