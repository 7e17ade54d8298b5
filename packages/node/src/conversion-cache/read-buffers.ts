/**
 * Memory that a layer's weights are read into, and the next layer's again: layers are of the same sizes, and a page that the system has yet to
 * give takes longer than to read into it.
 */

/** Larger ones, such as the word embedding's, are used once and not pooled. */
const MAX_BYTES = 1 << 24;

/** Buffers that come back all at once. */
export class ReadBuffers {
  #free: Uint8Array[] = [];
  #taken: Uint8Array[] = [];

  /** A buffer of just that size, with whatever is in it. */
  take(byteLength: number): Uint8Array {
    if (byteLength > MAX_BYTES) return new Uint8Array(byteLength);
    const at = this.#free.findIndex((bytes) => bytes.length === byteLength);
    const [bytes = new Uint8Array(byteLength)] = at < 0 ? [] : this.#free.splice(at, 1);
    this.#taken.push(bytes);
    return bytes;
  }

  /** Takes all buffers back: what was read into them is not looked at again. */
  takeBack(): void {
    for (const bytes of this.#taken) this.#free.push(bytes);
    this.#taken = [];
  }
}
