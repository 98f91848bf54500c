import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { crc32 } from "../../src/formats/crc32.ts";

Deno.test("crc32() is zlib's, for every length and offset within two steps", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * i + 200);
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= start + 40; end++) {
      const part = bytes.subarray(start, end);
      assert.equal(crc32(part), zlib.crc32(part), `${start} to ${end}`);
    }
  }
});
