/** Tells picture formats apart by the first bytes of a file, also those that are not decoded. */

/** Bytes that {@linkcode pictureFormat} looks at. */
export const SIGNATURE_BYTES = 32;

/** Windows-1252 in truth, so that the signatures below name no byte from 0x80 to 0x9f. */
const latin1 = new TextDecoder("latin1");

/** What a file of each format begins with, as text of one character a byte. */
const SIGNATURES: readonly (readonly [format: string, start: RegExp])[] = [
  ["PNG", /^[^]PNG\r\n[^]\n/],
  ["JPEG", /^\xff\xd8\xff/],
  ["binary PPM", /^P6[\s#]/],
  ["binary PGM", /^P5[\s#]/],
  ["PBM, PAM or text PPM", /^P[12347][\s#]/],
  ["WebP", /^RIFF[^]{4}WEBP/],
  ["BMP", /^BM[^]{4}\0{4}/],
  ["GIF", /^GIF8[79]a/],
  ["TIFF", /^(?:II[*+]\0|MM\0[*+])/],
  ["AVIF", /^[^]{4}ftypavi[fs]/],
  ["HEIC", /^[^]{4}ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)/],
  ["JPEG XL", /^(?:\xff\n|\0\0\0[^]JXL )/],
  ["JPEG 2000", /^(?:\xff\x4f\xff\x51|\0\0\0[^]jP {2})/],
  ["Photoshop", /^8BPS\0/],
  ["SVG", /^\s*<svg[\s>]/i],
];

/** The name of the picture format that bytes begin like, or undefined where they begin like none. */
export function pictureFormat(bytes: Uint8Array): string | undefined {
  const start = latin1.decode(bytes.subarray(0, SIGNATURE_BYTES));
  return SIGNATURES.find(([, signature]) => signature.test(start))?.[0];
}
