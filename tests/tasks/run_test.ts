/** The script `run`, with stand-ins for the programs that it looks for. */

import assert from "node:assert/strict";
import configuration from "../../deno.json" with { type: "json" };
import { VERSION } from "../../src/version.ts";
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
  "awk",
];

/** A stand-in for Deno that says how it was called. */
const deno = (version: string) =>
  `#!/bin/sh
case $1 in
  --version) echo "deno ${version} (stable, release)" ;;
  *)
    echo "$INIT_CWD|$LETHE_COMMAND|$DENO_WEBGPU_BACKEND|\${XDG_RUNTIME_DIR:+set}|$LP_NATIVE_VECTOR_WIDTH"
    pwd
    printf '%s\\n' "$@"
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

/** The words of a task as deno.json has them. */
const wordsOf = (name: "erase" | "report") => configuration.tasks[name].command.split(" ").slice(1);

Deno.test("run starts a task's program, from any folder and through links", {
  ignore,
}, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, { deno: deno("2.9.6") });
    const real = await Deno.realPath(folder);
    await link(`${ROOT}/run`, `${folder}/first`);
    await link("first", `${folder}/second`);
    const forDriver = Deno.build.os === "linux" ? `vulkan|set|${await expectedWidth()}` : "||";
    for (const script of [`${ROOT}/run`, "second"]) {
      const { code, stdout, stderr } = await runScript(
        script,
        ["erase", "--model", "a b"],
        real,
        path,
      );
      assert.deepEqual([code, stderr], [0, ""]);
      const [environment, place, ...words] = stdout.trimEnd().split("\n");
      assert.equal(environment, `${real}|${script}|${forDriver}`);
      assert.equal(place, ROOT);
      const wide = wordsOf("erase").filter((word) => !/^--allow-(write|net)/.test(word));
      assert.deepEqual(
        words.filter((word) => !word.startsWith("--allow-write=")),
        [...wide, "--model", "a b"],
      );
    }
  });
});

/** What is typed -> what it may write beside ./runs and the cache, in the folder F, and its network. */
const NARROWED:
  readonly (readonly [typed: readonly string[], writes: readonly string[], net?: true])[] = [
    [["erase"], []],
    [["erase", "--out", "x y"], ["F/x y"]],
    [["erase", "--out=/a/b,c/d,e"], ["/a"]],
    [["erase", "--out=/a,b/c"], ["/"]],
    [["erase", "--out", "--seed", "3"], []],
    [["erase", "--resume", "../old"], ["F/../old"]],
    [["erase", "--out="], []],
    [["erase", "--model", "--out"], []],
    [["evaluate", "--logits", "l/out.npy"], ["F/l"]],
    [["evaluate", "--logits=out.npy"], ["F/."]],
    [["evaluate", "--model", "/m.pth", "--dataset", "/d"], []],
    [["evaluate", "--data", "/d"], []],
    [["evaluate", "--data", "/d", "--download"], ["/d"], true],
    [["evaluate", "--download"], ["F/data"], true],
    [["attack", "--gallery", "/g/a.png", "--export-poisoned", "p"], ["/g", "F/p"]],
    [["evaluate", "--logits=--x"], ["F/."]],
    [["report", ""], []],
    [["report", "/r/erase-1"], ["/r/erase-1"]],
    [["report", "--json", "r", "--out", "/p/a.html"], ["F/r", "/p/a.html", "/p"]],
    [["sweep", "plan.json", "--out", "s"], ["F/s"]],
  ];

for (const [typed, writes, net] of NARROWED) {
  Deno.test(`run narrows what may be written by: ${typed.join(" ")}`, { ignore }, async () => {
    await withTemporaryFolder(async (folder) => {
      const path = await programs(folder, { deno: deno("2.9.6") });
      const real = await Deno.realPath(folder);
      const { stdout } = await runScript(`${ROOT}/run`, typed, real, path);
      const words = stdout.split("\n").slice(2, -1);
      const write = words.filter((word) => word.startsWith("--allow-write"));
      const caches = [`${real}/.cache/lethe`, `${real}/Library/Caches/lethe`];
      const named = writes.map((place) => place.replace(/^F/, real));
      assert.deepEqual(write, [`--allow-write=${[`${real}/runs`, ...caches, ...named].join()}`]);
      assert.equal(words.some((word) => word.startsWith("--allow-net")), net ?? false);
      assert.deepEqual(words.slice(-typed.length + 1 || words.length), typed.slice(1));
    });
  });
}

Deno.test("run --version says which, and help what a command takes", { ignore }, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, { deno: deno("2.9.6") });
    for (const flag of ["--version", "-V"]) {
      const { code, stdout } = await runScript(`${ROOT}/run`, [flag], folder, path);
      assert.deepEqual([code, stdout], [0, `lethe ${VERSION}\n`]);
    }
    const help = await runScript(`${ROOT}/run`, ["help", "erase"], folder, path);
    assert.match(help.stdout, /\ntasks\/main\.ts\nerase\n--help\n$/);
    const list = await runScript(`${ROOT}/run`, ["help"], folder, path);
    assert.match(list.stdout, /^Usage: .*run COMMAND/);
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
      assert.match(
        stderr,
        /^error: unknown command eras, expected one of erase defend .* ok \(did you mean erase\?\)\n$/,
      );
      for (
        const [typed, meant] of [["evalute", "evaluate"], ["adit", "audit"], ["docter", "doctor"]]
      ) {
        const finished = await runScript(`${ROOT}/run`, [typed!], folder, path);
        assert.match(finished.stderr, new RegExp(`did you mean ${meant}\\?`));
      }
      const odd = await runScript(`${ROOT}/run`, ["x\x1b[2J\n.*", "y"], folder, path);
      assert.match(odd.stderr, /^error: unknown command x2J\., expected one of .* ok \n$/);
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
    assert.match(stdout, /\ntask\n--quiet\n(.*\n)*test\n$/);
  });
});

Deno.test("run installs Deno by npm where there is none, once", { ignore }, async () => {
  await withTemporaryFolder(async (folder) => {
    const path = await programs(folder, { npm: NPM, "new-deno": deno("2.9.6") });
    const first = await runScript(`${ROOT}/run`, ["erase"], folder, path);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^Installing Deno 2\.9\.6 into .*\.cache\/lethe\n/);
    assert.match(first.stderr, /installed deno@2\.9\.6\n$/);
    assert.match(first.stdout, /\ntasks\/main\.ts\nerase\n$/);
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
