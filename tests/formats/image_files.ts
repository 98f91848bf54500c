/** Small image files for tests: a PNG assembler, and JPEGs that libjpeg-turbo wrote. */

import { crc32 } from "../../src/formats/crc32.ts";

/** A PNG file of the given chunks, with their right checksums. */
export function pngChunks(chunks: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const length = chunks.reduce((sum, [, data]) => sum + 12 + data.length, 8);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  let at = 8;
  for (const [type, data] of chunks) {
    view.setUint32(at, data.length);
    bytes.set(new TextEncoder().encode(type), at + 4);
    bytes.set(data, at + 8);
    view.setUint32(at + 8 + data.length, crc32(bytes.subarray(at + 4, at + 8 + data.length)));
    at += 12 + data.length;
  }
  return bytes;
}

/** 20 x 12, red x*12, green y*20, blue (x+y)*7; quality 80, chroma at full size. */
export const BASELINE_JPEG: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(`
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIy
YnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo
KCgoKCgoKCgoKCj/wAARCAAMABQDAREAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABgUH/8QAHhAAAQQCAwEAAAAAAAAAAA
AABQAEIiMGoQETMSH/xAAXAQEBAQEAAAAAAAAAAAAAAAAEBgMI/8QAHhEAAQQDAAMAAAAAAAAAAAAAAAIDBCEBBTEREiL/2gAM
AwEAAhEDEQA/AMjF4j5XpYNyAMHb8sXi8R8r0nNyCyg7flidviNXFektMiipZ2/z0tixraMFHNrycvwZLlWLxY1t8gnNryWUGS
5ViduNbdXEEtK8+CqZkuevT//Z
`);

/** The same picture, progressive, chroma at half size. */
export const PROGRESSIVE_JPEG: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(`
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQYGBcUFhYaHSUfGhsjHBYWICwgIy
YnKSopGR8tMC0oMCUoKSj/2wBDAQcHBwoIChMKChMoGhYaKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo
KCgoKCgoKCgoKCj/wgARCAAMABQDASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABgAF/8QAFgEBAQEAAAAAAAAAAAAAAA
AABAMG/9oADAMBAAIQAxAAAAEjrodiJDU4k6L/xAAZEAADAQEBAAAAAAAAAAAAAAAAAgMEESH/2gAIAQEAAQUClkJZBcnkpqSm
os15/8QAGREAAgMBAAAAAAAAAAAAAAAAAAIBBAUR/9oACAEDAQE/AaOk5Gk/D//EABcRAAMBAAAAAAAAAAAAAAAAAAABAxP/2g
AIAQIBAT8BnZmzP//EABYQAQEBAAAAAAAAAAAAAAAAADEAIP/aAAgBAQAGPwIiMf/EABgQAAIDAAAAAAAAAAAAAAAAAAAhEEFR
/9oACAEBAAE/IZSRJGIpD//aAAwDAQACAAMAAAAQaP8A/8QAFhEBAQEAAAAAAAAAAAAAAAAAABEh/9oACAEDAQE/EMCQ/8QAFh
EBAQEAAAAAAAAAAAAAAAAAAAER/9oACAECAQE/ECmT/8QAGRAAAgMBAAAAAAAAAAAAAAAAAMEQITER/9oACAEBAAE/EMEMEKKQ
WieGf//Z
`);

/** 8 x 8 in CMYK, rows of ink (10,200,30,0) and of black at one half; quality 95, inks at full size. */
export const CMYK_JPEG: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(`
/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoK
CgYICwwLCgwJCgoK/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIB
AwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZH
SElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV
1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD96PsH/UA/8mq9s/4dp/8AWsx/5ub/APdNfuB/wiX/AFSP
/wAr/wD9evvz/hsD/rMT/wCa+f8A2qv/2Q==
`);
