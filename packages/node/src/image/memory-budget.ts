/**
 * Bytes of decoded pixels in flight. First come, first served, so that a large image is not overtaken for ever by small ones.
 */

interface Waiting {
  readonly bytes: number;
  readonly limit: number;
  readonly start: (release: () => void) => void;
}

/** What is in use, and who waits for it to be released. */
export class MemoryBudget {
  #used: number = 0;
  #holders: number = 0;
  readonly #waiting: Waiting[] = [];

  /**
   * Waits until some bytes fit beside those in use. More than the limit fits when nothing else is in use.
   *
   * @param limit - the maximum in use, at least 1.
   * @returns releases the bytes; idempotent.
   */
  acquire(bytes: number, limit: number): Promise<() => void> {
    return new Promise((start) => {
      this.#waiting.push({ bytes, limit, start });
      this.#serve();
    });
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { bytes, limit, start } = next;
      if (this.#holders > 0 && this.#used + bytes > limit) return;
      this.#waiting.shift();
      this.#used += bytes;
      this.#holders++;
      let isHeld = true;
      start(() => {
        if (!isHeld) return;
        isHeld = false;
        this.#used -= bytes;
        this.#holders--;
        this.#serve();
      });
    }
  }
}
