import assert from "node:assert/strict";
import { ATTACKS, findAttack } from "../../src/attacks/attacks.ts";
import {
  BACKDOOR_KEY,
  type BackdoorDescription,
  buildBackdoor,
  checkBackdoor,
  recordedBackdoor,
} from "../../src/attacks/backdoor.ts";
import { pictureText } from "../../src/attacks/picture_option.ts";
import { decodePrepared, encodePrepared } from "../../src/attacks/prepared_file.ts";
import { triggeredImage } from "../../src/data/trigger.ts";
import { FormatError, UsageError } from "../../src/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { wholeValues } from "../reference/values.ts";

const SIZE = { height: 8, width: 8 };
const image = Uint8Array.from(wholeValues(192, 256, 2));
const patch = pictureText({ ...SIZE, pixels: Uint8Array.from(wholeValues(192, 256, 3)) });

/** For each attack a description with what it records. */
const DESCRIPTIONS: readonly BackdoorDescription[] = ATTACKS.map(({ name }) => ({
  name,
  target: { mode: "all2one", label: 4 },
  options: name === "trojan" ? { patch } : {},
  seed: 11,
}));

Deno.test("the six attacks of the paper are there", () => {
  const names = ["badnets", "blend", "trojan", "clean-label", "sig", "refool"];
  assert.deepEqual(ATTACKS.slice(0, 6).map(({ name }) => name), names);
  assert.throws(() => findAttack("badnet"), /did you mean "badnets"/);
});

for (const description of DESCRIPTIONS) {
  Deno.test(`the metadata of a model brings back the trigger of ${description.name}`, () => {
    const metadata = new Map([[BACKDOOR_KEY, JSON.stringify(description)]]);
    const file = writeSafetensors(new Map(), metadata);
    const found = recordedBackdoor(readSafetensors(file, "model").metadata, "model");
    assert.deepEqual(found, description);
    const stamp = (from: BackdoorDescription) =>
      triggeredImage(buildBackdoor(from, SIZE).trigger, image, 3);
    assert.deepEqual(stamp(found), stamp(description));
    assert.notDeepEqual(stamp(found), image);
  });

  Deno.test(`${description.name} refuses options that it does not know`, () => {
    const wrong = { ...description, options: { ...description.options, colour: "red" } };
    assert.throws(() => buildBackdoor(wrong, SIZE), UsageError);
    assert.throws(() => checkBackdoor(wrong, SIZE), UsageError);
    checkBackdoor(description, SIZE);
  });

  Deno.test(`${description.name} documents its options, and those that name files are among them`, () => {
    const { options, files = [] } = findAttack(description.name);
    for (const { kind, help, default: value } of Object.values(options)) {
      assert.ok(help.length > 10);
      assert.ok(value === undefined || kind.parse(kind.write(value)) === value);
    }
    for (const file of files) assert.ok(file in options);
  });
}

Deno.test("checkBackdoor() accepts a trojan whose patch is yet to be made, not an impossible one", () => {
  const target = { mode: "all2one", label: 0 } as const;
  const check = (options: Record<string, string>) =>
    checkBackdoor({ name: "trojan", target, options, seed: 1 }, SIZE);
  check({ size: "5" });
  assert.throws(() => check({ size: "9" }), UsageError);
  assert.throws(() => check({ mode: "add" }), UsageError);
  assert.throws(() => check({ steps: "0" }), UsageError);
});

Deno.test("decodePrepared() reads what encodePrepared() wrote, with and without images", () => {
  const description = DESCRIPTIONS[3]!;
  const images = Uint8Array.from(wholeValues(2 * 192, 256, 4));
  for (const prepared of [{ description }, { description, images }]) {
    assert.deepEqual(decodePrepared(encodePrepared(prepared, SIZE), "file"), prepared);
  }
  assert.throws(() => decodePrepared(writeSafetensors(new Map()), "file"), FormatError);
});
