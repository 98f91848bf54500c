/** What a model's metadata may say of its backdoor, and what is refused before a file is opened. */

import assert from "node:assert/strict";
import {
  BACKDOOR_KEY,
  type BackdoorDescription,
  buildBackdoor,
  describedBackdoor,
  readTriggerFiles,
  recordedBackdoor,
} from "../../src/attacks/backdoor.ts";
import { pictureText } from "../../src/attacks/picture_option.ts";
import { FormatError, LetheError, UsageError } from "../../src/errors.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { withTemporaryFolder } from "../data/temporary_folder.ts";

const SIZE = { height: 32, width: 32 };
const TARGET = { mode: "all2one", label: 0 };
const ESCAPES = "\x1b[31mEVIL\x1b[2J\x9b\u202e";

const read = (text: string) => recordedBackdoor(new Map([[BACKDOOR_KEY, text]]), "model");

/** A description of `badnets` with other fields in place of its own. */
const described = (changes: object): string =>
  JSON.stringify({ name: "badnets", target: TARGET, options: {}, seed: 1, ...changes });

/** What stands in metadata -> what the refusal says. */
const REFUSED: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
  "text that is no JSON": [ESCAPES.repeat(20), /expected JSON/],
  "a million brackets": ["[".repeat(1_000_000), /expected JSON/],
  "a list": ["[]", /found the attack undefined, expected one of badnets, blend/],
  "null": ["null", /found the attack undefined/],
  "a name of escapes": [described({ name: ESCAPES }), /attack "\\u001b\[31mEVIL.*", expected/],
  "a name of five million letters": [described({ name: "x".repeat(5e6) }), /more characters/],
  "the name __proto__": [described({ name: "__proto__" }), /attack "__proto__", expected/],
  "the name constructor": [described({ name: "constructor" }), /attack "constructor", expected/],
  "a name that is a number": [described({ name: 7 }), /found the attack 7/],
  "no target": [described({ target: undefined }), /target mode undefined, expected all2one/],
  "an unknown target mode": [described({ target: { mode: "none", label: 0 } }), /mode "none"/],
  "a target of -1": [described({ target: { ...TARGET, label: -1 } }), /found the target -1/],
  "a target of 1.5": [described({ target: { ...TARGET, label: 1.5 } }), /found the target 1.5/],
  "a target of 1e300": [described({ target: { ...TARGET, label: 1e300 } }), /target 1e\+300/],
  "a target that is text": [described({ target: { ...TARGET, label: "0" } }), /target "0"/],
  "no target label": [described({ target: { mode: "all2all" } }), /found the target undefined/],
  "a seed of -1": [described({ seed: -1 }), /found the seed -1/],
  "a seed of 1e300": [described({ seed: 1e300 }), /found the seed 1e\+300/],
  "no seed": [described({ seed: undefined }), /found the seed undefined/],
  "options that are a list": [described({ options: [] }), /found the options a list/],
  "options that are text": [described({ options: "size=3" }), /found the options "size=3"/],
  "an option that it lacks": [
    described({ options: { colour: "red" } }),
    /option "colour" of badnets/,
  ],
  "an option of escapes": [described({ options: { [ESCAPES]: "1" } }), /option "\\u001b/],
  "the option __proto__": [
    '{"name":"badnets","target":{"mode":"all2one","label":0},"options":{"__proto__":"x"},"seed":1}',
    /option "__proto__" of badnets/,
  ],
  "an option that is a number": [
    described({ options: { size: 3 } }),
    /found size 3, expected a text/,
  ],
  "an option that is an object": [
    described({ options: { size: { file: "/etc/passwd" } } }),
    /found size an object, expected a text/,
  ],
  "a helper model": [
    described({ name: "trojan", options: { model: "/dev/zero" } }),
    /option "model" of trojan/,
  ],
};

for (const [what, [text, message]] of Object.entries(REFUSED)) {
  Deno.test(`recordedBackdoor() refuses ${what}`, () => {
    assert.throws(
      () => read(text),
      (error) => {
        assert.ok(error instanceof FormatError);
        assert.match(error.message, message);
        assert.ok(error.message.length < 600, `${error.message.length} characters`);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(error.message, /[\x00-\x1f\x7f-\x9f\u202e]/);
        return true;
      },
    );
  });
}

for (
  const [name, option] of [["blend", "image"], ["sig", "mask"], ["trojan", "patch"], [
    "refool",
    "reflections",
  ]] as const
) {
  Deno.test(`recordedBackdoor() opens no path that metadata gives for ${name}`, async () => {
    await withTemporaryFolder(async (folder) => {
      const secret = `${folder}/private.png`;
      const pixels = new Uint8Array(3 * 32 * 32);
      await Deno.writeFile(secret, encodePng({ ...SIZE, pixels }));
      const paths = [secret, folder, "/dev/zero", "/proc/kmsg", "http://127.0.0.1:9/x.png", ""];
      for (const path of [...paths, "data:image/jpeg;base64,AAAA", ` ${secret}`]) {
        assert.throws(() => read(described({ name, options: { [option]: path } })), (error) => {
          assert.ok(error instanceof FormatError);
          assert.match(error.message, new RegExp(`--attack-options ${option}=FILE`));
          return true;
        });
        // Neither does what a careless caller might build by hand.
        const byHand = { name, target: TARGET, options: { [option]: path }, seed: 1 };
        const loaded = await readTriggerFiles(byHand as BackdoorDescription, SIZE);
        assert.throws(() => buildBackdoor(loaded, SIZE), UsageError);
      }
    });
  });
}

Deno.test("recordedBackdoor() reads what is there and passes over what it does not know", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const text = described({}).replace(/}$/, `,"x":${deep}}`);
  assert.deepEqual(read(text), { name: "badnets", target: TARGET, options: {}, seed: 1 });
  const bare = { name: "badnets", target: { mode: "all2all", label: 0 }, seed: 0 };
  assert.deepEqual(describedBackdoor(bare, "model"), { ...bare, options: {} });
});

/** A PNG file that states a size and holds nothing. */
function statedPng(width: number, height: number): string {
  const bytes = encodePng({ height: 1, width: 1, pixels: new Uint8Array(3) });
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return `data:image/png;base64,${bytes.toBase64()}`;
}

Deno.test("pictures in metadata are refused by the size that they state, before they are decoded", () => {
  const build = (name: string, option: string, picture: string) => () =>
    buildBackdoor(read(described({ name, options: { [option]: picture } })), SIZE);
  for (const [width, height] of [[8000, 8000], [33, 33], [32, 31], [0, 0], [2 ** 31, 1]] as const) {
    const picture = statedPng(width, height);
    const found = new RegExp(`found a picture of ${height}x${width}, expected 32x32`);
    for (
      const [name, option] of [["blend", "image"], ["sig", "mask"], ["trojan", "patch"]] as const
    ) {
      assert.throws(build(name, option, picture), found);
    }
  }
  for (const [width, height] of [[32, 33], [33, 64], [32, 65 * 32], [8000, 8000]] as const) {
    assert.throws(build("refool", "reflections", statedPng(width, height)), /or up to 64 of them/);
  }
  for (const text of ["!!!!", "", "AAAA", "iVBORw0KGgo="]) {
    assert.throws(build("blend", "image", `data:image/png;base64,${text}`), LetheError);
  }
  // The right size, and nothing behind it.
  assert.throws(build("blend", "image", statedPng(32, 32)), FormatError);
});

Deno.test("a column of reflections in metadata is as many pictures as it has", () => {
  const picture = pictureText({ height: 96, width: 32, pixels: new Uint8Array(3 * 96 * 32) });
  const { trigger } = buildBackdoor(
    read(described({ name: "refool", options: { reflections: picture, kind: "in-focus" } })),
    SIZE,
  );
  assert.ok("apply" in trigger);
});

Deno.test("values of recorded options are checked as those of flags are, and quoted", () => {
  for (const corner of [ESCAPES, "A".repeat(1e7)]) {
    assert.throws(() => read(described({ options: { corner } })), (error) => {
      assert.ok(error instanceof FormatError);
      assert.match(
        error.message,
        /attack of model: found corner ".*, expected one of bottom-right/,
      );
      assert.ok(error.message.length < 600);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(error.message, /[\x00-\x1f\x7f-\x9f\u202e]/);
      return true;
    });
  }
});

Deno.test("a folder of pictures is read without what file managers leave behind", async () => {
  await withTemporaryFolder(async (folder) => {
    const png = (value: number) =>
      encodePng({ ...SIZE, pixels: new Uint8Array(3 * 32 * 32).fill(value) });
    await Deno.writeFile(`${folder}/a.png`, png(1));
    await Deno.writeFile(`${folder}/b.PNG`, png(2));
    for (const name of [".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", "notes.txt"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "no picture");
    }
    const request = { name: "refool", target: { mode: "all2one", label: 0 } as const, seed: 1 };
    const { options } = await readTriggerFiles(
      { ...request, options: { reflections: { file: folder } } },
      SIZE,
    );
    const expected = new Uint8Array(6 * 32 * 32).map((_, i) => i % 2048 < 1024 ? 1 : 2);
    assert.equal(options.reflections, pictureText({ height: 64, width: 32, pixels: expected }));
  });
});

Deno.test("a trigger file is a regular file", async () => {
  const target = { mode: "all2one", label: 0 } as const;
  const request = { name: "blend", target, options: { image: { file: "/dev/zero" } }, seed: 1 };
  await assert.rejects(
    readTriggerFiles(request, SIZE),
    /a device or pipe, expected a regular file/,
  );
});
