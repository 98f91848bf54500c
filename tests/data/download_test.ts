import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { downloadFile, type OfficialFile } from "../../src/data/download.ts";
import { FormatError } from "../../src/errors.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

const CONTENT = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i + (i >> 7)) & 255);

function sha256(bytes = CONTENT): string {
  return createHash("sha256").update(bytes).digest("hex");
}

type Handler = (request: Request) => Response | Promise<Response>;

/** Calls `body` with a folder and the file as a local server publishes it. */
async function withServer(
  handler: Handler,
  body: (folder: string, file: OfficialFile) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  try {
    await withTemporaryFolder((folder) =>
      body(`${folder}/data`, {
        url: `http://127.0.0.1:${server.addr.port}/archive.tar.gz`,
        name: "archive.tar.gz",
        bytes: CONTENT.length,
        sha256: sha256(),
      })
    );
  } finally {
    await server.shutdown();
  }
}

/** Serves ranges as real servers do. */
function ranged(request: Request): Response {
  const range = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "");
  if (range === null) return new Response(CONTENT);
  const from = Number(range[1]);
  return new Response(CONTENT.slice(from), {
    status: 206,
    headers: { "content-range": `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` },
  });
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

async function rejects(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof FormatError, `found ${error}`);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("downloadFile() writes the checked file and reports progress up to its length", async () => {
  await withServer(ranged, async (folder, file) => {
    const progress: number[] = [];
    const path = await downloadFile(file, folder, {
      onProgress(received, total) {
        assert.equal(total, CONTENT.length);
        progress.push(received);
      },
    });
    assert.equal(path, `${folder}/archive.tar.gz`);
    assert.deepEqual(await Deno.readFile(path), CONTENT);
    assert.deepEqual(await names(folder), ["archive.tar.gz"]);
    assert.equal(progress[0], 0);
    assert.equal(progress.at(-1), CONTENT.length);
    assert.deepEqual(progress, progress.toSorted((a, b) => a - b));
  });
});

Deno.test("downloadFile() goes on where an earlier download broke off", async () => {
  const ranges: (string | null)[] = [];
  const handler: Handler = (request) => {
    ranges.push(request.headers.get("range"));
    return ranged(request);
  };
  await withServer(handler, async (folder, file) => {
    await Deno.mkdir(folder);
    await Deno.writeFile(`${folder}/archive.tar.gz.part`, CONTENT.subarray(0, 70_001));
    let first: number | undefined;
    const path = await downloadFile(file, folder, { onProgress: (n) => first ??= n });
    assert.deepEqual(await Deno.readFile(path), CONTENT);
    assert.deepEqual(ranges, ["bytes=70001-"]);
    assert.equal(first, 70_001);
  });
});

Deno.test("downloadFile() starts over where the server can't resume", async () => {
  const whole: Handler = () => new Response(CONTENT);
  const refusing: Handler = (request) =>
    request.headers.has("range") ? new Response(null, { status: 416 }) : new Response(CONTENT);
  const elsewhere: Handler = (request) =>
    request.headers.has("range")
      ? new Response(CONTENT.slice(5), {
        status: 206,
        headers: { "content-range": `bytes 5-${CONTENT.length - 1}/${CONTENT.length}` },
      })
      : new Response(CONTENT);
  for (const handler of [whole, refusing, elsewhere]) {
    await withServer(handler, async (folder, file) => {
      await Deno.mkdir(folder);
      await Deno.writeFile(`${folder}/archive.tar.gz.part`, CONTENT.subarray(0, 1_000));
      assert.deepEqual(await Deno.readFile(await downloadFile(file, folder)), CONTENT);
    });
  }
});

Deno.test("downloadFile() uses a complete part without the network and drops one too long", async () => {
  let requests = 0;
  const handler: Handler = (request) => {
    requests++;
    return ranged(request);
  };
  await withServer(handler, async (folder, file) => {
    await Deno.mkdir(folder);
    await Deno.writeFile(`${folder}/archive.tar.gz.part`, CONTENT);
    assert.deepEqual(await Deno.readFile(await downloadFile(file, folder)), CONTENT);
    assert.equal(requests, 0);
    await Deno.writeFile(`${folder}/archive.tar.gz.part`, new Uint8Array(CONTENT.length + 1));
    assert.deepEqual(await Deno.readFile(await downloadFile(file, folder)), CONTENT);
    assert.equal(requests, 1);
  });
});

Deno.test("downloadFile() throws for an HTTP status other than 200", async () => {
  for (const status of [403, 404, 500, 204]) {
    await withServer(() => new Response(null, { status }), async (folder, file) => {
      await rejects(downloadFile(file, folder), new RegExp(`HTTP status ${status}, expected 200`));
      assert.deepEqual(await names(folder), []);
    });
  }
});

Deno.test("downloadFile() keeps a short body for the next call", async () => {
  let calls = 0;
  const handler: Handler = (request) =>
    calls++ === 0 ? new Response(CONTENT.slice(0, 50_000)) : ranged(request);
  await withServer(handler, async (folder, file) => {
    await rejects(downloadFile(file, folder), /sent 50000 bytes, expected 200000; run/);
    assert.deepEqual(await names(folder), ["archive.tar.gz.part"]);
    assert.deepEqual(await Deno.readFile(await downloadFile(file, folder)), CONTENT);
  });
});

Deno.test("downloadFile() keeps what came before the connection broke", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(2_000));
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${CONTENT.length}\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    await connection.write(CONTENT.subarray(0, 1_000));
  })();
  await withTemporaryFolder(async (folder) => {
    const { port } = listener.addr as Deno.NetAddr;
    const url = `http://127.0.0.1:${port}/x`;
    const file = { url, name: "x", bytes: CONTENT.length, sha256: sha256() };
    await rejects(downloadFile(file, folder), /after \d+ of 200000 bytes; run the command again/);
    await serving;
    listener.close();
    await rejects(downloadFile(file, folder), /cannot download http:\/\/127.0.0.1.*after 0 of/);
  });
});

Deno.test("downloadFile() removes a file with the wrong digest or length", async () => {
  const wrong = CONTENT.slice();
  wrong[123]! ^= 1;
  await withServer(() => new Response(wrong), async (folder, file) => {
    await rejects(
      downloadFile(file, folder),
      new RegExp(`found SHA-256 ${sha256(wrong)}, expected ${sha256()}`),
    );
    assert.deepEqual(await names(folder), []);
  });
  await withServer(() => new Response(CONTENT), async (folder, file) => {
    await rejects(
      downloadFile({ ...file, bytes: 1_000 }, folder),
      /found more than the expected 1000 bytes/,
    );
    assert.deepEqual(await names(folder), []);
  });
});

Deno.test("downloadFile() gives up on a server that stops sending", async () => {
  const handler: Handler = () => {
    let sent = false;
    return new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          if (!sent) controller.enqueue(CONTENT.subarray(0, 1_000));
          sent = true;
          return new Promise<void>(() => {});
        },
      }),
    );
  };
  await withServer(handler, async (folder, file) => {
    await rejects(
      downloadFile(file, folder, { stallSeconds: 0.2 }),
      /nothing arrived for 0.2 s after \d+ of 200000 bytes/,
    );
  });
});

Deno.test({
  name: "downloadFile() names the host that it has no permission to reach",
  permissions: { read: true, write: "inherit", net: false },
  async fn() {
    await withTemporaryFolder(async (folder) => {
      const file = {
        url: "http://127.0.0.1:49999/x",
        name: "x",
        bytes: 1,
        sha256: "",
      } as const;
      await rejects(
        downloadFile(file, folder),
        /no permission.*expected network access to 127.0.0.1:49999/,
      );
    });
  },
});
