/**
 * A stream as the segments that it is kept in.
 */

/** Bytes that are kept together: what a closed page loses at most. */
const SEGMENT_BYTES = 1 << 22;

/** Collects a stream into segments that end at multiples of their size. */
export class SegmentWriter {
  /** The byte that comes next. */
  position: number;
  readonly #onSegment: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  #parts: Uint8Array[] = [];
  #start: number;

  /**
   * @param start - the place of the first byte.
   * @param onSegment - keeps a segment; the writer waits for it.
   */
  constructor(start: number, onSegment: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>) {
    this.position = start;
    this.#start = start;
    this.#onSegment = onSegment;
  }

  /** Goes to another place; nothing may be pending. */
  restart(position: number): void {
    this.position = position;
    this.#start = position;
  }

  /** Takes the bytes that come next. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const limit = (Math.floor(this.#start / SEGMENT_BYTES) + 1) * SEGMENT_BYTES;
      const part = bytes.subarray(at, at + limit - this.position);
      this.#parts.push(part);
      this.position += part.length;
      at += part.length;
      // In order: a segment that cannot be kept ends the stream.
      if (this.position === limit) await this.flush();
    }
  }

  /** Ends the segment here. */
  async flush(): Promise<void> {
    if (this.position === this.#start) return;
    const bytes = new Uint8Array(this.position - this.#start);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const start = this.#start;
    this.#parts = [];
    this.#start = this.position;
    await this.#onSegment(start, bytes);
  }
}
