/**
 * The order in which a Python set of integers is walked. cn_clip's `evaluation.py` lists the queries without a prediction in that
 * order, which depends on the hash table's size and history. Follows CPython 3.11's `Objects/setobject.c`; it has been the same since 3.7.
 */

const SMALLEST_TABLE = 8;
const LINEAR_PROBES = 9;
const PERTURB_SHIFT = 5n;
const HASH_MODULUS = (1n << 61n) - 1n;
const UNSIGNED = (1n << 64n) - 1n;

/** `hash(value)` of a Python int, as an unsigned 64-bit number. */
function hashOf(value: bigint): bigint {
  const magnitude = (value < 0n ? -value : value) % HASH_MODULUS;
  const signed = value < 0n ? -magnitude : magnitude;
  return (signed === -1n ? -2n : signed) & UNSIGNED;
}

/** A Python set of ints, as far as needed: adding, looking up, walking in Python's order. */
class IntSet {
  #table: (bigint | undefined)[] = Array.from({ length: SMALLEST_TABLE });
  #used = 0;
  readonly #members = new Set<bigint>();

  get size(): number {
    return this.#used;
  }

  has(value: bigint): boolean {
    return this.#members.has(value);
  }

  add(value: bigint): void {
    if (this.#members.has(value)) return;
    this.#members.add(value);
    this.#insert(value);
    this.#used++;
    const mask = this.#table.length - 1;
    if (this.#used * 5 >= mask * 3) this.#resize(this.#used > 50_000 ? this.#used * 2 : this.#used * 4);
  }

  /** `set(this)`. */
  copy(): IntSet {
    const made = new IntSet();
    if (this.#used === 0) return made;
    if (this.#used * 5 >= (SMALLEST_TABLE - 1) * 3) made.#resize(this.#used * 2);
    if (made.#table.length === this.#table.length) made.#table = [...this.#table];
    else for (const value of this.values()) made.#insert(value);
    made.#used = this.#used;
    for (const value of this.#members) made.#members.add(value);
    return made;
  }

  values(): bigint[] {
    return this.#table.filter((value) => value !== undefined);
  }

  #resize(least: number): void {
    let length = SMALLEST_TABLE;
    while (length <= least) length *= 2;
    const values = this.values();
    this.#table = Array.from({ length });
    for (const value of values) this.#insert(value);
  }

  #insert(value: bigint): void {
    const mask = BigInt(this.#table.length - 1);
    const hash = hashOf(value);
    let perturb = hash;
    let slot = hash & mask;
    for (;;) {
      const probes = slot + BigInt(LINEAR_PROBES) <= mask ? LINEAR_PROBES : 0;
      for (let probe = 0; probe <= probes; probe++) {
        const at = Number(slot) + probe;
        if (this.#table[at] !== undefined) continue;
        this.#table[at] = value;
        return;
      }
      perturb >>= PERTURB_SHIFT;
      slot = (slot * 5n + 1n + perturb) & mask;
    }
  }
}

/** The members of `set(all) - set(without)`, in the order in which Python walks that set. */
export function pythonSetDifference(all: Iterable<bigint>, without: Iterable<bigint>): bigint[] {
  const minuend = new IntSet();
  for (const value of all) minuend.add(value);
  const subtrahend = new IntSet();
  for (const value of without) subtrahend.add(value);
  if (Math.floor(minuend.size / 4) > subtrahend.size) {
    // Python copies and then discards; what stays does not move.
    return minuend
      .copy()
      .values()
      .filter((value) => !subtrahend.has(value));
  }
  const difference = new IntSet();
  for (const value of minuend.values()) if (!subtrahend.has(value)) difference.add(value);
  return difference.values();
}
