/** The content type of an encoded image by its first bytes; what is none of those that browsers show is never declared one. */

const TYPES: readonly (readonly [type: string, start: string, at: number])[] = [
  ["image/jpeg", "\xff\xd8\xff", 0],
  ["image/png", "\x89PNG\r\n\x1a\n", 0],
  ["image/gif", "GIF8", 0],
  ["image/webp", "WEBP", 8],
  ["image/bmp", "BM", 0],
  ["image/avif", "ftypavif", 4],
  ["image/avif", "ftypavis", 4],
];

/** @returns `application/octet-stream` for anything else, such as HTML and SVG, which could hold scripts. */
export function imageType(bytes: Uint8Array): string {
  const head = String.fromCharCode.apply(undefined, [...bytes.subarray(0, 16)]);
  return TYPES.find(([, start, at]) => head.startsWith(start, at))?.[0] ?? "application/octet-stream";
}
