import { malformed, quote, showName } from "../checkpoint-error.js";
import type { ShardIndex } from "./shard-index.js";

/** More files than any model has: the largest published ones, of another kind, have 200. */
const MAX_FILES = 1024;

/** As `parseShardIndex` of `shard-index.ts`, which loads this file when it is wanted. */
export function parseShardMap(json: unknown, name: string): ShardIndex {
  const map: unknown = typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) malformed({ name }, "expected an object weight_map");
  const weightMap = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map as Record<string, unknown>)) {
    // oxlint-disable-next-line no-control-regex -- control characters are what it refuses
    if (typeof file !== "string" || !/^[^./\\:\x00-\x1f][^/\\:\x00-\x1f]{0,254}$/.test(file))
      malformed({ name }, `tensor ${showName(tensor)}: expected the name of a file beside this one, got ${quote(file)}`, { tensor });
    weightMap.set(tensor, file);
  }
  if (weightMap.size === 0) malformed({ name }, "expected a weight_map of some tensors, got none");
  const files = [...new Set(weightMap.values())];
  if (files.length > MAX_FILES) malformed({ name }, `expected at most ${MAX_FILES} files, got ${files.length}`);
  return { name, files, weightMap };
}
