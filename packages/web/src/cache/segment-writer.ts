/**
 * Splits a stream into the segments that it is cached in.
 */

/** Bytes of a segment: what a closed page loses at most. */
const SEGMENT_BYTES = 1 << 22;

/** Collects a stream into segments that end at multiples of 4 MiB. */
export class SegmentWriter {
  /** The offset of the next byte. */
  position: number;
  readonly #onSegment: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  #parts: Uint8Array[] = [];
  #start: number;

  /**
   * @param start - the offset of the first byte.
   * @param onSegment - stores a segment; the writer waits for it.
   */
  constructor(start: number, onSegment: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>) {
    this.position = start;
    this.#start = start;
    this.#onSegment = onSegment;
  }

  /** Continues at another offset. Bytes that are not flushed are dropped. */
  restart(position: number): void {
    this.#parts = [];
    this.position = position;
    this.#start = position;
  }

  /** Takes the next bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const limit = (Math.floor(this.#start / SEGMENT_BYTES) + 1) * SEGMENT_BYTES;
      const part = bytes.subarray(at, at + limit - this.position);
      this.#parts.push(part);
      this.position += part.length;
      at += part.length;
      // In order: a segment that cannot be stored ends the stream.
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
