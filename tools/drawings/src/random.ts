/**
 * Seeded randomness: the same seed draws the same images on every machine.
 */

/** A stream of random numbers. */
export class Random {
  #state: number;

  /** @param seed - any integer. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A number in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** An integer in [low, high], both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** One of `items`, which are not empty. */
  choice<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }

  /** One of `items`, as often as its weight says; the weights add up to 1. */
  weighted<T>(items: readonly T[], weights: readonly number[]): T {
    let rest = this.next();
    const at = weights.findIndex((weight) => (rest -= weight) < 0);
    return items.at(at) as T;
  }
}
