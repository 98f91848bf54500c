import assert from "node:assert/strict";
import { encode as encodeReference } from "npm:fast-png@8.0.0";
import fc from "npm:fast-check@4.10.2";
import { zlibSync } from "npm:fflate@0.8.3";
import { encode as encodeJpeg } from "npm:jpeg-js@0.4.4";
import type { ByteImage } from "../../src/formats/byte_image.ts";
import { decodeImage } from "../../src/formats/images.ts";
import { encodePng } from "../../src/formats/png_write.ts";
import { assertRefused } from "./assertions.ts";
import { BASELINE_JPEG, CMYK_JPEG, pngChunks, PROGRESSIVE_JPEG } from "./image_files.ts";

const SEED = 20240614;

const decode = (bytes: Uint8Array) => decodeImage(bytes, "a file");

const refused = (bytes: Uint8Array, pattern: RegExp) => assertRefused(() => decode(bytes), pattern);

/** (H,W,3) -> (3,H,W). */
function planar(interleaved: ArrayLike<number>): number[] {
  const area = interleaved.length / 3;
  return Array.from({ length: 3 * area }, (_, i) => interleaved[3 * (i % area) + (i / area | 0)]!);
}

const netpbm = (header: string, ...samples: number[]) =>
  Uint8Array.from([...new TextEncoder().encode(header), ...samples]);

/** A PNG of the given header fields around filtered rows. */
function png(
  width: number,
  height: number,
  depth: number,
  colourType: number,
  rows: readonly number[],
  { interlace = 0, palette = [] as readonly number[] } = {},
): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colourType, 0, 0, interlace], 8);
  return pngChunks([
    ["IHDR", header],
    ...(palette.length > 0 ? [["PLTE", Uint8Array.from(palette)] as const] : []),
    ["IDAT", zlibSync(Uint8Array.from(rows))],
    ["IEND", new Uint8Array(0)],
  ]);
}

Deno.test("encodePng() and decodeImage() keep every pixel", () => {
  const images: fc.Arbitrary<ByteImage> = fc.tuple(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 20 }),
    fc.infiniteStream(fc.nat({ max: 255 })),
  ).map(([height, width, stream]) => ({
    height,
    width,
    pixels: Uint8Array.from([...stream.take(3 * height * width)]),
  }));
  fc.assert(
    fc.property(images, (image) => assert.deepEqual(decode(encodePng(image)), image)),
    { seed: SEED },
  );
});

Deno.test("encodePng() refuses pixels that do not fit the size", () => {
  const image = { height: 2, width: 2, pixels: new Uint8Array(11) };
  assert.throws(() => encodePng(image), RangeError);
});

Deno.test("decodeImage() reads what another PNG writer wrote, of every layout it has", () => {
  for (const channels of [1, 2, 3, 4]) {
    for (const depth of [8, 16] as const) {
      for (const interlace of ["null", "Adam7"] as const) {
        for (const [width, height] of [[1, 1], [3, 2], [13, 9], [8, 8]] as const) {
          const length = width * height * channels;
          const samples = Array.from({ length }, (_, i) => (i * 2654435761 >>> 7) % (1 << depth));
          const data = depth === 8 ? Uint8Array.from(samples) : Uint16Array.from(samples);
          const file = encodeReference({ width, height, data, depth, channels }, { interlace });
          const expected: number[] = [];
          for (let i = 0; i < width * height; i++) {
            for (let channel = 0; channel < 3; channel++) {
              const sample = samples[i * channels + (channels >= 3 ? channel : 0)]!;
              expected.push(depth === 8 ? sample : Math.round(sample / 257));
            }
          }
          const image = decode(file);
          assert.deepEqual([image.width, image.height], [width, height]);
          assert.deepEqual([...image.pixels], planar(expected));
        }
      }
    }
  }
});

Deno.test("decodeImage() undoes each PNG filter", () => {
  // Grey, 3 x 5; worked by hand from section 9 of the standard. Rows decode to those on the right.
  const rows = [
    [0, 10, 20, 30], // 10 20 30
    [1, 1, 2, 3], // left: 1 3 6
    [2, 1, 1, 1], // above: 2 4 7
    [3, 9, 1, 250], // mean, rounded down: 10 8 1
    [4, 5, 0, 255], // Paeth of above 10, left 15, upper left 8: 15 15 7
  ];
  const expected = [10, 20, 30, 1, 3, 6, 2, 4, 7, 10, 8, 1, 15, 15, 7];
  assert.deepEqual([...decode(png(3, 5, 8, 0, rows.flat())).pixels.subarray(0, 15)], expected);
});

Deno.test("decodeImage() reads PNGs below 8 bits, plain and interlaced", () => {
  const grey = (file: Uint8Array) => [...decode(file).pixels].slice(0, 10);
  assert.deepEqual(
    grey(png(10, 1, 1, 0, [0, 0b10110000, 0b01000000])),
    [255, 0, 255, 255, 0, 0, 0, 0, 0, 255],
  );
  assert.deepEqual(
    grey(png(5, 2, 2, 0, [0, 0b00011011, 0b11000000, 0, 0, 0b01000000])),
    [0, 85, 170, 255, 255, 0, 0, 0, 0, 85],
  );
  assert.deepEqual(grey(png(5, 2, 4, 0, [0, 0x0f, 0x12, 0x30, 0, 0, 0, 0x40])), [
    ...[0, 255, 17, 34, 51],
    ...[0, 0, 0, 0, 68],
  ]);
  // 5 x 2 of two bits: passes 1 (x 0), 2 (x 4), 4 (x 2), 6 (x 1, 3) of row 0, then 7 (row 1).
  const passes = [[0, 0x40], [0, 0xc0], [0, 0x80], [0, 0xf0], [0, 0b00011011, 0x40]].flat();
  assert.deepEqual(
    grey(png(5, 2, 2, 0, passes, { interlace: 1 })),
    [85, 255, 170, 255, 255, 0, 85, 170, 255, 85],
  );
});

Deno.test("decodeImage() looks palettes up and refuses colours outside", () => {
  const palette = [1, 2, 3, 250, 251, 252];
  const image = decode(png(3, 1, 1, 3, [0, 0b01000000], { palette }));
  assert.deepEqual([...image.pixels], planar([1, 2, 3, 250, 251, 252, 1, 2, 3]));
  refused(png(1, 1, 8, 3, [0, 2], { palette }), /colour 2 of a palette of 2/);
  refused(png(1, 1, 8, 3, [0, 0]), /colour 0 of a palette of 0/);
});

Deno.test("decodeImage() drops transparency", () => {
  const file = png(2, 1, 8, 6, [0, 10, 20, 30, 0, 40, 50, 60, 128]);
  assert.deepEqual([...decode(file).pixels], planar([10, 20, 30, 40, 50, 60]));
});

Deno.test("decodeImage() refuses damaged PNGs and never inflates more than the image", () => {
  const file = png(3, 1, 8, 0, [0, 1, 2, 3]);
  for (let length = 0; length < file.length; length++) {
    assertRefused(() => decode(file.subarray(0, length)), /found/);
  }
  const damaged = file.slice();
  damaged[45]! ^= 1;
  refused(damaged, /chunk "IDAT" with a wrong checksum/);
  refused(png(3, 1, 8, 0, [5, 1, 2, 3]), /row filter 5/);
  refused(png(3, 1, 8, 0, [0, 1, 2, 3, 4]), /more than 4 bytes/);
  refused(png(3, 1, 8, 0, [0, 1, 2]), /3 bytes of decompressed data, expected exactly 4/);
  refused(png(3, 1, 8, 0, new Array(1_000_000).fill(0)), /more than 4 bytes/);
  refused(png(3, 1, 4, 2, [0, 1, 2, 3]), /colour type 2 of 4 bits/);
  refused(png(3, 1, 8, 0, [0, 1, 2, 3], { interlace: 2 }), /interlace/);
  refused(pngChunks([["IDAT", new Uint8Array(3)]]), /IHDR, which comes first/);
  const unknown = pngChunks([["IHDR", file.subarray(16, 29)], ["ABCD", new Uint8Array(1)]]);
  refused(unknown, /unknown critical chunk "ABCD"/);
});

Deno.test("decodeImage() ends with a PNG's zlib stream, whatever lies behind it", () => {
  const header = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0);
  const stream = zlibSync(Uint8Array.of(0, 7, 8, 9));
  const data = new Uint8Array(20_000_000).fill(65);
  data.set(stream);
  // A tail that is taken up anew with each piece of the stream would take a minute.
  const bytes = pngChunks([["IHDR", header], ["IDAT", data], ["IEND", new Uint8Array(0)]]);
  assert.deepEqual([...decode(bytes).pixels], [7, 8, 9]);
});

Deno.test("decodeImage() takes a PNG of very many chunks", () => {
  const stream = zlibSync(Uint8Array.of(0, 7, 8, 9));
  const header = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0);
  const chunks: [string, Uint8Array][] = [...stream].map((byte) => ["IDAT", Uint8Array.of(byte)]);
  const empty: [string, Uint8Array][] = Array.from(
    { length: 10_000 },
    () => ["IDAT", new Uint8Array(0)],
  );
  const bytes = pngChunks([["IHDR", header], ...chunks, ...empty, ["IEND", new Uint8Array(0)]]);
  assert.deepEqual([...decode(bytes).pixels], [7, 8, 9]);
});

Deno.test("decodeImage() refuses sizes beyond the limits before it decodes", () => {
  refused(png(65_536, 1, 8, 0, [0]), /65536 x 1 pixels, expected 1 to 65535 a side/);
  refused(png(8001, 8000, 8, 0, [0]), /at most 20000000 in all/);
  refused(png(0, 1, 8, 0, [0]), /0 x 1 pixels/);
  refused(png(2 ** 31, 2 ** 31, 8, 0, [0]), /2147483648 x 2147483648/);
  refused(png(5000, 4000, 8, 2, [0]), /compressed bytes, expected enough to hold 60004000/);
  refused(png(5000, 4000, 16, 6, [0]), /160004000 bytes for .* of 64 bits, expected at most/);
  refused(netpbm("P6 65536 1 255\n"), /65536 x 1/);
  refused(netpbm("P5 5000 4000 255\n", 0), /1 bytes of samples, expected 20000000/);
  const large = BASELINE_JPEG.slice();
  const frame = large.findIndex((byte, i) => byte === 0xff && large[i + 1] === 0xc0);
  large.set([0x0f, 0xa0, 0x13, 0x88], frame + 5);
  refused(large, /5000 x 4000 pixels in 387 bytes, expected a bit for each block/);
  const padded = new Uint8Array(600_000);
  padded.set(large.subarray(0, -2));
  padded.set([0xff, 0xd9], padded.length - 2);
  refused(padded, /5000 x 4000 pixels, which take \d+ bytes to decode, expected at most/);
  large.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  refused(large, /65535 x 65535 pixels/);
});

Deno.test("decodeImage() reads PPM and PGM with comments, other maxima and 16 bits", () => {
  const header = "P6 # a comment\n# another # one\n 2\t1\r\n#third\n255\n";
  assert.deepEqual([...decode(netpbm(header, 1, 2, 3, 4, 5, 6, 99)).pixels], [1, 4, 2, 5, 3, 6]);
  assert.deepEqual([...decode(netpbm("P5 2 1 255 ", 10, 35)).pixels], [10, 35, 10, 35, 10, 35]);
  assert.deepEqual([...decode(netpbm("P5 4 1 3\n", 0, 1, 2, 3)).pixels.subarray(0, 4)], [
    ...[0, 85, 170, 255],
  ]);
  assert.deepEqual(
    [...decode(netpbm("P5 3 1 65535\n", 0, 128, 0x80, 0x80, 255, 255)).pixels.subarray(0, 3)],
    [0, 128, 255],
  );
});

Deno.test("decodeImage() refuses bad PPM files", () => {
  refused(netpbm("P6 2 1 255\n", 1, 2, 3, 4, 5), /5 bytes of samples, expected 6/);
  refused(netpbm("P6 x 1 255\n"), /no valid width at byte 3/);
  refused(netpbm("P6 2"), /no valid height/);
  refused(netpbm("P62 1 255\n"), /no valid width at byte 2/);
  refused(netpbm("P6 12345678 1 255\n"), /no valid width/);
  refused(netpbm("P6 1 1 0\n", 0, 0, 0), /a maximum of 0/);
  refused(netpbm("P6 1 1 65536\n", 0, 0, 0), /a maximum of 65536/);
  refused(netpbm("P6 1 1 255", 0x30, 0, 0), /no white space|no valid|a maximum/);
  refused(netpbm("P5 1 1 9\n", 10), /a sample of 10, expected at most 9/);
  refused(netpbm("P6 #"), /no valid width/);
});

Deno.test("decodeImage() reads baseline and progressive JPEGs about as libjpeg does", () => {
  // Pixels at rows 0, 5, 11 and columns 0, 10, 19 as libjpeg-turbo decodes them. It interpolates
  // the halved chroma of the second file, hence the wider tolerance.
  const cases: [Uint8Array, number, number[]][] = [
    [BASELINE_JPEG, 2, [0, 1, 0, 124, 97, 102, 222, 218, 209]],
    [PROGRESSIVE_JPEG, 12, [0, 2, 0, 119, 100, 106, 231, 214, 207]],
  ];
  for (const [file, tolerance, expected] of cases) {
    const { width, height, pixels } = decode(file);
    assert.deepEqual([width, height], [20, 12]);
    for (const [i, at] of [0, 5 * 20 + 10, 11 * 20 + 19].entries()) {
      for (let channel = 0; channel < 3; channel++) {
        const found = pixels[channel * 240 + at]!;
        assert.ok(Math.abs(found - expected[3 * i + channel]!) <= tolerance, `${found}`);
      }
    }
  }
});

Deno.test("decodeImage() reads JPEG in CMYK and YCCK as Pillow does", () => {
  const near = (file: Uint8Array, at: number, expected: readonly number[]) => {
    const { pixels } = decode(file);
    for (const [channel, value] of expected.entries()) {
      assert.ok(Math.abs(pixels[channel * 64 + at]! - value) <= 2, `${pixels} at ${at}`);
    }
  };
  near(CMYK_JPEG, 0, [245, 55, 225]);
  near(CMYK_JPEG, 63, [127, 127, 127]);
  const transformed = CMYK_JPEG.slice();
  transformed[17] = 2; // the last byte of Adobe's segment
  near(transformed, 0, [0, 54, 139]);
  near(transformed, 63, [0, 67, 0]);
  const [start, end] = [CMYK_JPEG.subarray(0, 2), CMYK_JPEG.subarray(18)];
  assert.throws(() => decode(Uint8Array.from([...start, ...end])), {
    name: "UnsupportedImageError",
    message: /4 components of 8 bits/,
  });
});

Deno.test("decodeImage() reads what jpeg-js encodes", () => {
  const data = new Uint8Array(16 * 16 * 4).map((_, i) => i % 4 === 3 ? 255 : (i >> 4) * 4);
  const { pixels } = decode(new Uint8Array(encodeJpeg({ width: 16, height: 16, data }, 95).data));
  for (let i = 0; i < 256; i++) {
    for (let channel = 0; channel < 3; channel++) {
      assert.ok(Math.abs(pixels[channel * 256 + i]! - data[4 * i + channel]!) < 12);
    }
  }
});

Deno.test("decodeImage() refuses damaged JPEGs and kinds that it does not read", () => {
  for (const file of [BASELINE_JPEG, PROGRESSIVE_JPEG]) {
    for (let length = 0; length < file.length - 2; length++) {
      assertRefused(() => decode(file.subarray(0, length)), /found/);
    }
  }
  const frame = BASELINE_JPEG.findIndex((byte, i) =>
    byte === 0xff && BASELINE_JPEG[i + 1] === 0xc0
  );
  const changed = (offset: number, value: number) => {
    const copy = BASELINE_JPEG.slice();
    copy[frame + offset] = value;
    return copy;
  };
  refused(changed(1, 0xc9), /JPEG process 9/);
  refused(changed(4, 12), /3 components of 12 bits/);
  refused(changed(9, 4), /4 components of 8 bits, expected 1, 3, or 4 with Adobe's segment/);
  refused(changed(11, 0x51), /sampling factors 5 and 1/);
  const scan = BASELINE_JPEG.findIndex((byte, i) => byte === 0xff && BASELINE_JPEG[i + 1] === 0xda);
  const header = BASELINE_JPEG.subarray(scan, scan + 14);
  const many = [...BASELINE_JPEG.subarray(0, scan)];
  for (let i = 0; i < 101; i++) many.push(...header);
  refused(Uint8Array.from([...many, ...BASELINE_JPEG.subarray(scan)]), /102 scans/);
});

Deno.test("decodeImage() refuses other files", () => {
  refused(new Uint8Array(0), /an empty file, expected PNG, JPEG/);
  refused(new TextEncoder().encode("GIF1234."), /starts with the bytes 474946313233342e/);
});

Deno.test("decodeImage() names the format of a picture that it does not decode", () => {
  const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
  const cases: [string, RegExp][] = [
    ["GIF89a\x01\0\x01\0\x80\0\0", /found a picture in the format GIF, expected PNG/],
    ["II*\0\x08\0\0\0", /TIFF/],
    ["MM\0*\0\0\0\x08", /TIFF/],
    ["\0\0\0\x20ftypavif\0\0\0\0", /AVIF/],
    ["\0\0\0\x18ftypheic\0\0\0\0", /HEIC/],
    ["\0\0\0\x0cjP  \r\n\x87\n", /JPEG 2000/],
    ["P3\n1 1\n255\n1 2 3\n", /text PPM/],
    ["  <svg onload=alert(1)>", /SVG/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => decode(latin1(text)), { name: "UnsupportedImageError", message });
  }
  for (const text of ["", "BMW is a car", "P7", "RIFF....WAVE", "not an image"]) {
    assert.throws(() => decode(latin1(text)), { name: "FormatError" });
  }
});

/** A BMP with the usual header of 40 bytes around a palette and rows. */
function bmp(
  width: number,
  height: number,
  depth: number,
  rows: readonly number[],
  { palette = [] as readonly number[], compression = 0 } = {},
): Uint8Array<ArrayBuffer> {
  const start = 54 + palette.length;
  const bytes = new Uint8Array(start + rows.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(10, start, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, width, true);
  view.setInt32(22, height, true);
  view.setUint16(28, depth, true);
  view.setUint32(30, compression, true);
  view.setUint32(46, palette.length / 4, true);
  bytes.set(palette, 54);
  bytes.set(rows, start);
  return bytes;
}

Deno.test("decodeImage() reads BMP of every depth without compression, either way up", () => {
  const rows = [7, 8, 9, 10, 11, 12, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0];
  const red = [3, 6, 9, 12];
  const green = [2, 5, 8, 11];
  const blue = [1, 4, 7, 10];
  assert.deepEqual([...decode(bmp(2, 2, 24, rows)).pixels], [...red, ...green, ...blue]);
  const swap = (of: number[]) => [of[2], of[3], of[0], of[1]];
  assert.deepEqual(
    [...decode(bmp(2, -2, 24, rows)).pixels],
    [...swap(red), ...swap(green), ...swap(blue)],
  );
  assert.deepEqual([...decode(bmp(1, 1, 32, [1, 2, 3, 99])).pixels], [3, 2, 1]);
  const palette = [10, 20, 30, 0, 40, 50, 60, 0];
  const one = (depth: number, ...row: number[]) => [
    ...decode(bmp(3, 1, depth, row, { palette })).pixels,
  ];
  const expected = [30, 60, 30, 20, 50, 20, 10, 40, 10];
  assert.deepEqual(one(1, 0b01000000, 0, 0, 0), expected);
  assert.deepEqual(one(4, 0x01, 0x00, 0, 0), expected);
  assert.deepEqual(one(8, 0, 1, 0, 0), expected);
});

Deno.test("decodeImage() refuses BMP that is damaged, too large or compressed", () => {
  const good = bmp(1, 1, 24, [1, 2, 3, 0]);
  for (let length = 18; length < good.length; length++) {
    refused(good.subarray(0, length), /BMP image a file: found/);
  }
  refused(bmp(65_536, 1, 24, []), /65536 x 1 pixels/);
  refused(bmp(5000, 5000, 1, []), /at most 20000000 in all/);
  refused(bmp(-1, 1, 24, []), /-1 x 1 pixels/);
  refused(bmp(1, -(2 ** 31), 24, []), /1 x 2147483648 pixels/);
  refused(bmp(5000, 4000, 24, [0]), /1 bytes of pixels, expected 60000000/);
  refused(bmp(1, 1, 8, [2, 0, 0, 0], { palette: [1, 2, 3, 0] }), /colour 2 of a palette of 1/);
  for (const [depth, compression] of [[8, 1], [16, 0], [32, 3]] as const) {
    assert.throws(() => decode(bmp(1, 1, depth, [0, 0, 0, 0], { compression })), {
      name: "UnsupportedImageError",
      message: /a BMP of \d+ bits with compression \d, expected 1, 4, 8, 24 or 32 bits/,
    });
  }
});
