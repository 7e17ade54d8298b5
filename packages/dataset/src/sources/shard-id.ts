/** Names of shards: a place in the list, and a hash of what is there, so that two lists that differ never share a name. */
import { createHash } from "node:crypto";
import type { JsonValue, ListOptions } from "./source.js";
import { SHARD_SIZE } from "./source.js";

/** What the id of a shard may be: safe as the name of a file on every system. */
export const SHARD_ID: RegExp = /^(?!\.)[A-Za-z0-9_.-]{1,100}$/;

/**
 * A shard's id: `00012-1f3a9c0b2d41`.
 *
 * @param identity - what the shard holds, without the places that another machine may have it at.
 */
export function shardId(index: number, identity: JsonValue): string {
  return `${String(index).padStart(5, "0")}-${createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 12)}`;
}

/**
 * The number of items of a shard.
 *
 * @throws RangeError - it is no integer of at least 1.
 */
export function shardSizeOf({ shardSize = SHARD_SIZE }: ListOptions): number {
  if (Number.isSafeInteger(shardSize) && shardSize >= 1) return shardSize;
  throw new RangeError(`list: expected a shardSize of at least 1, got ${String(shardSize)}`);
}
