/** An image by a formula, of which Pillow's and torchvision's results are known. */

/** (3,height,width): steep and busy enough to show every rounding. */
export function pattern(height: number, width: number): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        pixels[(c * height + y) * width + x] = x * x * 3 + y * 7 * (c + 1) + x * y * 5 + c * 40;
      }
    }
  }
  return pixels;
}
