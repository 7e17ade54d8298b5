/** Keys that occur more than once among any number of them: eight bytes of memory each. */
import { createHash } from "node:crypto";

/** Keys that are collected. */
export class KeyCollection {
  #hashes = new Float64Array(1024);
  #count = 0;

  /** Adds a key. */
  add(key: string): void {
    if (this.#count === this.#hashes.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#count++] = hashOf(key);
  }

  /** A test whether a key's hash was added more than once: by chance for one in a million of a hundred million keys. */
  repeated(): (key: string) => boolean {
    const sorted = this.#hashes.subarray(0, this.#count).sort();
    const repeated = new Set<number>();
    for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) repeated.add(sorted[i] as number);
    return (key) => repeated.size > 0 && repeated.has(hashOf(key));
  }

  /** Whether there is any key twice. */
  get isUnique(): boolean {
    const sorted = this.#hashes.subarray(0, this.#count).sort();
    for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) return false;
    return true;
  }
}

/** 52 bits of a key's SHA-256. */
function hashOf(key: string): number {
  const digest = createHash("sha256").update(key).digest();
  return digest.readUIntBE(0, 6) * 16 + ((digest[6] as number) >> 4);
}
