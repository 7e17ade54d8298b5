/**
 * 64-bit hashes found by Hamming distance: multi-index hashing (Norouzi, Punjani, Fleet, 2012). A hash is four bands of 16 bits; two hashes that
 * differ in at most `radius` bits differ in at most `radius / 4` of some band, so looking up the bands that are that near finds all of them.
 */

/** Bits of a band, and their number. */
const [BAND_BITS, BANDS] = [16, 4];

/** A 64-bit hash as two unsigned 32-bit halves, the upper one first. */
export type Hash64 = readonly [upper: number, lower: number];

/** A hash that was found. */
export interface NearHash {
  /** As it was added. */
  readonly key: number;
  /** Bits that differ. */
  readonly distance: number;
}

/** Hashes with a key each, to be found by their distance to another. */
export class HammingIndex {
  readonly #radius: number;
  /** Bits that a band may differ in. */
  readonly #masks: readonly number[];
  /** For each band the last row, plus one, with each of its values; 0 for none. */
  readonly #last: readonly Uint32Array[] = Array.from({ length: BANDS }, () => new Uint32Array(1 << BAND_BITS));
  /** For each band and row the row before it, plus one, with the same value. */
  readonly #before: readonly number[][] = Array.from({ length: BANDS }, () => []);
  readonly #hashes: Hash64[] = [];
  readonly #keys: number[] = [];
  /** By row: the number of the search that saw it last, since a hash may be near in several bands. */
  readonly #seen: number[] = [];
  #searches = 0;

  /**
   * @param radius - bits that a found hash may differ in, 0 to 15.
   * @throws RangeError - another radius.
   */
  constructor(radius: number) {
    if (!(Number.isInteger(radius) && radius >= 0 && radius <= 15)) {
      throw new RangeError(`HammingIndex: expected a radius from 0 to 15, got ${String(radius)}`);
    }
    this.#radius = radius;
    this.#masks = masksOf(Math.floor(radius / BANDS));
  }

  /** Adds a hash. */
  add(hash: Hash64, key: number): void {
    const row = this.#hashes.push(hash) - 1;
    this.#keys.push(key);
    this.#seen.push(0);
    for (const [band, last] of this.#last.entries()) {
      const bits = bandOf(hash, band);
      this.#before[band]?.push(last[bits] as number);
      last[bits] = row + 1;
    }
  }

  /** The hashes within the radius, nearest first, of equal ones the first that was added. */
  near(hash: Hash64): NearHash[] {
    const search = ++this.#searches;
    const found: (NearHash & { readonly row: number })[] = [];
    for (const [band, last] of this.#last.entries()) {
      const bits = bandOf(hash, band);
      const before = this.#before[band] as number[];
      for (const mask of this.#masks) {
        for (let next = last[bits ^ mask] as number; next > 0; next = before[next - 1] as number) {
          const row = next - 1;
          if (this.#seen[row] === search) continue;
          this.#seen[row] = search;
          const distance = hammingDistance(hash, this.#hashes[row] as Hash64);
          if (distance <= this.#radius) found.push({ key: this.#keys[row] as number, distance, row });
        }
      }
    }
    return found.sort((a, b) => a.distance - b.distance || a.row - b.row).map(({ key, distance }) => ({ key, distance }));
  }
}

/** Reads 16 hexadecimal digits; undefined for anything else. */
export function parseHash64(text: unknown): Hash64 | undefined {
  if (typeof text !== "string" || !/^[\da-f]{16}$/i.test(text)) return undefined;
  return [Number.parseInt(text.slice(0, 8), 16), Number.parseInt(text.slice(8), 16)];
}

/** Bits in which two hashes differ, 0 to 64. */
export function hammingDistance(a: Hash64, b: Hash64): number {
  return countBits(a[0] ^ b[0]) + countBits(a[1] ^ b[1]);
}

function countBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

function bandOf(hash: Hash64, band: number): number {
  const half = hash[band >> 1] as number;
  return (band & 1) === 0 ? half >>> BAND_BITS : half & 0xffff;
}

/** Bands with at most so many bits. */
function masksOf(bits: number): number[] {
  return Array.from({ length: 1 << BAND_BITS }, (_, mask) => mask).filter((mask) => countBits(mask) <= bits);
}
