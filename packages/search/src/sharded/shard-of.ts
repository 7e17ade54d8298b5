/** Where an item belongs: a hash of its id that is the same in every process and release. */

const encoder = new TextEncoder();

/**
 * The store of an item among `count`: FNV-1a (32 bits) over the id's UTF-8, mixed as MurmurHash3 ends, modulo `count`.
 *
 * @returns 0 to `count - 1`.
 */
export function shardOf(id: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(id)) hash = Math.imul(hash ^ byte, 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % count;
}
