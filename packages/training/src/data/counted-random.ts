/** Random numbers that follow from integers alone: whoever knows a step and a pair has the same ones, in a resumed run, too. */

/** A number in [0, 1) that follows from integers: a hash of them (Murmur3's finalizer). */
export function countedRandom(...integers: readonly number[]): number {
  return (hashOf(integers) >>> 0) / 2 ** 32;
}

/**
 * Fills with 0 and 1.
 *
 * @param rate - share of zeros, to a 65,536th.
 * @param integers - what they follow from.
 */
export function fillMask(mask: Uint8Array, rate: number, ...integers: readonly number[]): void {
  const [start, limit] = [hashOf(integers), Math.round(rate * 2 ** 16)];
  for (let i = 0; i < mask.length; i += 2) {
    const hash = mix(start ^ Math.imul(i + 1, 0x9e3779b1));
    mask[i] = (hash & 0xffff) < limit ? 0 : 1;
    if (i + 1 < mask.length) mask[i + 1] = hash >>> 16 < limit ? 0 : 1;
  }
}

/** Some of the integers from 0 to `all`, exclusive, in order; each choice is as likely as the others. */
export function chooseSome(count: number, all: number, ...integers: readonly number[]): number[] {
  const keys = Array.from({ length: all }, (_, i) => countedRandom(...integers, i));
  const order = keys.map((_, i) => i).toSorted((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
  return order.slice(0, count).toSorted((a, b) => a - b);
}

function hashOf(integers: readonly number[]): number {
  return integers.reduce((hash, integer) => mix(hash ^ integer), 0x9e3779b9);
}

function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) + 0x7f4a7c15;
}
