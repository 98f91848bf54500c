/** The script `run`, with stand-ins for the programs that it looks for. */

import assert from "node:assert/strict";
import { withTemporaryFolder } from "../data/temporary_folder.ts";
import { type Finished, ROOT } from "./command.ts";

/** There is no shell to run the script with. */
const ignore = Deno.build.os === "windows";

/** Programs that the script may use; `deno` and `npm` are not among them. */
const TOOLS = [
  "sed",
  "dirname",
  "readlink",
  "uname",
  "mkdir",
  "chmod",
  "id",
  "cp",
  "sh",
  "grep",
  "tr",
];

/** A stand-in for Deno that says how it was called. */
const deno = (version: string) =>
  `#!/bin/sh
case $1 in
  --version) echo "deno ${version} (stable, release)" ;;
  *)
    echo "$INIT_CWD|$*|$DENO_WEBGPU_BACKEND|\${XDG_RUNTIME_DIR:+set}|$LP_NATIVE_VECTOR_WIDTH"
    ;;
esac
`;

/** A stand-in for npm that installs the stand-in \`new-deno\` of its own folder. */
const NPM = `#!/bin/sh
[ "$1 $2" = "install --prefix" ] || exit 1
mkdir -p "$3/node_modules/deno"
cp "$(dirname "$0")/new-deno" "$3/node_modules/deno/deno"
for last; do :; done
echo "installed $last"
`;

/** Makes a symbolic link; Deno itself would want permission to write everywhere. */
async function link(target: string, path: string): Promise<void> {
  const args = ["-c", 'ln -s "$1" "$2"', "sh", target, path];
  const { success } = await new Deno.Command("sh", { args }).output();
  assert.ok(success, `cannot link ${path}`);
}

/** Makes a folder with the tools and the given programs, for `PATH`. */
async function programs(folder: string, texts: Record<string, string>): Promise<string> {
  const path = `${folder}/bin`;
  await Deno.mkdir(path);
  for (const tool of TOOLS) {
    const places = ["/usr/bin", "/bin"].map((place) => `${place}/${tool}`);
    const found = places.find((place) => {
      try {
        return Deno.statSync(place).isFile;
      } catch {
        return false;
      }
    });
    assert.ok(found, `this system has no ${tool}`);
    await link(found, `${path}/${tool}`);
  }
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(`${path}/${name}`, text, { mode: 0o755 });
  }
  return path;
}

/** Runs the script at `script` in `folder`, with nothing of this process's environment. */
async function runScript(
  script: string,
  args: readonly string[],
  folder: string,
  path: string,
): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    // Deno finds sh by the PATH that it passes on, so the one of the test is set inside.
    args: ["-c", 'PATH=$1; export PATH; shift; exec sh "$@"', "sh", path, script, ...args],
    cwd: folder,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH")!, HOME: folder, VK_DRIVER_FILES: "/chosen" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The width of vectors that the script is to ask Mesa's software driver for; empty: its own. */
async function expectedWidth(): Promise<string> {
  const args = ["-c", "grep -q '^flags.* avx512dq' /proc/cpuinfo 2>/dev/null"];
  const { success } = await new Deno.Command("sh", { args }).output();
  return success ? "512" : "";
}

Deno.test("run hands a command to deno task, from any folder and through links", {
  ignore,
}, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, { deno: deno("2.9.6") });
    const real = await Deno.realPath(folder);
    await link(`${ROOT}/run`, `${folder}/first`);
    await link("first", `${folder}/second`);
    const forDriver = Deno.build.os === "linux" ? `vulkan|set|${await expectedWidth()}` : "||";
    for (const script of [`${ROOT}/run`, "second"]) {
      const finished = await runScript(script, ["erase", "--model", "a b"], real, path);
      const stdout =
        `${real}|task --quiet --config ${ROOT}/deno.json erase --model a b|${forDriver}\n`;
      assert.deepEqual(finished, { code: 0, stdout, stderr: "" });
    }
  });
});

Deno.test("run without arguments lists the commands, and needs no Deno to do so", {
  ignore,
}, async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, {});
    for (const args of [[], ["--help"]]) {
      const { code, stdout, stderr } = await runScript(`${ROOT}/run`, args, folder, path);
      assert.deepEqual([code, stderr], [0, ""]);
      const lines = stdout.trimEnd().split("\n").slice(1, -1);
      const expected = Object.entries(tasks as Record<string, { description: string }>)
        .map(([name, { description }]) => `  ${name}: ${description}`);
      assert.deepEqual(lines, expected);
    }
  });
});

Deno.test(
  "run refuses an unknown command, and lists those that there are",
  { ignore },
  async () => {
    await withTemporaryFolder(async (folder) => {
      const path = await programs(folder, { deno: deno("2.9.6") });
      const { code, stdout, stderr } = await runScript(`${ROOT}/run`, ["eras"], folder, path);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, /^error: unknown command eras, expected one of erase defend .* ok \n$/);
    });
  },
);

Deno.test("run finds Deno in its usual folder where PATH has none or an old one", {
  ignore,
}, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, { deno: deno("2.8.1") });
    await Deno.mkdir(`${folder}/.deno/bin`, { recursive: true });
    await Deno.writeTextFile(`${folder}/.deno/bin/deno`, deno("2.10.0"), { mode: 0o755 });
    const { code, stdout, stderr } = await runScript(`${ROOT}/run`, ["test"], folder, path);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /task --quiet .* test\|/);
  });
});

Deno.test("run installs Deno by npm where there is none, once", { ignore }, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, { npm: NPM, "new-deno": deno("2.9.6") });
    const first = await runScript(`${ROOT}/run`, ["erase"], folder, path);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^Installing Deno 2\.9\.6 into .*\.cache\/lethe\n/);
    assert.match(first.stderr, /installed deno@2\.9\.6\n$/);
    assert.match(first.stdout, /task --quiet .* erase\|/);
    const second = await runScript(`${ROOT}/run`, ["erase"], folder, path);
    assert.deepEqual(second, { ...first, stderr: "" });
  });
});

Deno.test("run says the one line to type where neither Deno nor npm is there", {
  ignore,
}, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, {});
    const { code, stdout, stderr } = await runScript(`${ROOT}/run`, ["erase"], folder, path);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^Deno 2\.9 or newer is needed .*curl -fsSL https:\/\/deno\.land\/\S+ \| sh\n$/,
    );
  });
});
