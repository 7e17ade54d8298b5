/** Small files of large images, for tests of what an image may cost. */

/** An 8-bit bitmap, run-length coded: `runs` are its pixels, the rest of it has colour 0. */
export function runLengthBitmap(width: number, height: number, runs: Uint8Array = Uint8Array.of(0, 1)): Uint8Array<ArrayBuffer> {
  const offset = 54 + 1024;
  const bytes = new Uint8Array(offset + runs.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  for (const [at, value] of [[10, offset], [14, 40], [18, width], [22, height], [30, 1], [34, runs.length]] as const) view.setUint32(at, value, true); // prettier-ignore
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  bytes.set(runs, offset);
  return bytes;
}

/** A gray GIF all of whose pixels are index 0, by codes that grow by one pixel each until the table is full. */
export function emptyGif(width: number, height: number, codes: Uint8Array): Uint8Array {
  const size = (value: number): number[] => [value & 255, value >> 8];
  const blocks = Array.from({ length: Math.ceil(codes.length / 255) }, (_, i) => codes.subarray(i * 255, i * 255 + 255));
  const head = [
    ...Buffer.from("GIF89a"),
    ...size(width),
    ...size(height),
    0,
    0,
    0,
    0x2c,
    0,
    0,
    0,
    0,
    ...size(width),
    ...size(height),
    0,
    8,
  ];
  return Uint8Array.from([...head, ...blocks.flatMap((block) => [block.length, ...block]), 0, 0x3b]);
}
