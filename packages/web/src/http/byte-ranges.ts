/**
 * Sets of half-open byte ranges, sorted and disjoint: which bytes of a file are wanted, present, or missing.
 */

/** Bytes `[start, end)`. */
export interface ByteRange {
  /** The first byte. */
  readonly start: number;
  /** The byte after the last one. */
  readonly end: number;
}

/** Receives the bytes `[start, start + bytes.length)` of a file. */
export type ByteSink = (start: number, bytes: Uint8Array) => void;

/** The ranges in order; those that overlap, touch, or lie at most `gap` bytes apart are merged. */
export function coalesce(ranges: readonly ByteRange[], gap: number): ByteRange[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged[merged.length - 1];
    if (last !== undefined && start <= last.end + gap) last.end = Math.max(last.end, end);
    else if (end > start) merged.push({ start, end });
  }
  return merged;
}

/** The bytes of `wanted` that are not in `present`; both sorted and disjoint. */
export function subtract(wanted: readonly ByteRange[], present: readonly ByteRange[]): ByteRange[] {
  const missing: ByteRange[] = [];
  for (const { start, end } of wanted) {
    let at = start;
    for (const there of present) {
      if (there.end <= at || there.start >= end) continue;
      if (there.start > at) missing.push({ start: at, end: there.start });
      at = Math.max(at, there.end);
    }
    if (at < end) missing.push({ start: at, end });
  }
  return missing;
}

/** Bytes in all ranges. */
export function byteCount(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The parts of `ranges` that lie in `range`. */
export function intersect(ranges: readonly ByteRange[], range: ByteRange): ByteRange[] {
  return ranges
    .map(({ start, end }) => ({ start: Math.max(start, range.start), end: Math.min(end, range.end) }))
    .filter(({ start, end }) => start < end);
}

/** Copies the overlap of two views of one file: `part`, which begins at byte `at`, into `target`, which begins at byte `start`. */
export function copyInto(target: Uint8Array, start: number, at: number, part: Uint8Array): void {
  const from = Math.max(0, start - at);
  const to = Math.min(part.length, start + target.length - at);
  if (from < to) target.set(part.subarray(from, to), at + from - start);
}
