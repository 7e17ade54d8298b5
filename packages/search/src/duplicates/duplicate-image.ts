/** What duplicates are told by, and which of them is worth keeping. */

/** What of an item's metadata is read; each field may be missing. */
export interface DuplicateMeta {
  /** Hash of the file's bytes. */
  readonly sha256?: string | undefined;
  /** 64 bits in hexadecimal that similar pixels have in common. */
  readonly perceptualHash?: string | undefined;
  /** Pixels of a row, as the image is displayed. */
  readonly width?: number | undefined;
  /** Rows of pixels. */
  readonly height?: number | undefined;
  /** Bytes of the file. */
  readonly size?: number | undefined;
  /** Time of the file's last change, in milliseconds since 1970. */
  readonly mtime?: number | undefined;
}

/** By what the image to keep is better than the next one: pixels, bytes, an older file; `order`: by nothing, it is the first by its id. */
export type KeepReason = "pixels" | "bytes" | "oldest" | "order";

/** An item without its embedding. */
export interface DuplicateCandidate<Meta> {
  /** Its id in the store. */
  readonly id: string;
  /** What the store has beside the embedding. */
  readonly meta: Meta;
}

/** Which of two is worth keeping: negative for the first one. More pixels, then more bytes, then the older file, then the id by UTF-16 units. */
export function compareWorth(a: DuplicateCandidate<DuplicateMeta>, b: DuplicateCandidate<DuplicateMeta>): number {
  const { meta: x } = a;
  const { meta: y } = b;
  return (
    pixelsOf(y) - pixelsOf(x) ||
    (y.size ?? 0) - (x.size ?? 0) ||
    (x.mtime ?? 0) - (y.mtime ?? 0) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/** Why `kept` comes before `next`. */
export function keepReason(kept: DuplicateMeta, next: DuplicateMeta): KeepReason {
  if (pixelsOf(kept) !== pixelsOf(next)) return "pixels";
  if ((kept.size ?? 0) !== (next.size ?? 0)) return "bytes";
  return (kept.mtime ?? 0) === (next.mtime ?? 0) ? "order" : "oldest";
}

/**
 * Whether two sizes are the same rectangle at two scales: the sides of the smaller one are within a pixel, or within 1 percent, of the larger one
 * scaled down. True where a size is unknown.
 */
export function sameShape(a: DuplicateMeta, b: DuplicateMeta): boolean {
  const sizes = [a.width, a.height, b.width, b.height];
  if (!sizes.every((size): size is number => typeof size === "number" && size > 0)) return true;
  const [small, large] = pixelsOf(a) <= pixelsOf(b) ? [a, b] : [b, a];
  const [w, h, W, H] = [small.width ?? 1, small.height ?? 1, large.width ?? 1, large.height ?? 1];
  return Math.abs(h - (H * w) / W) <= Math.max(1, h / 100) || Math.abs(w - (W * h) / H) <= Math.max(1, w / 100);
}

function pixelsOf({ width = 0, height = 0 }: DuplicateMeta): number {
  return width * height;
}
