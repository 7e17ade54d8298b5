/** A source of 5,200 images with captions in two shards, and a store for them. */
import { type FolderStore, openFolderStore } from "@chinese-clip/search/node";
import { embedShard } from "../../src/shards/embed-shard.js";
import type { JsonObject, SourceItem } from "../../src/sources/source.js";
import { DIM } from "../fake-embedder.js";
import { hashEmbedder, memorySource, shardsOf } from "../shards/memory-source.js";

export const INFO = { fingerprint: "model-a", dim: DIM };
const COUNT = 5200;
export const sample = (i: number): SourceItem => ({
  key: `图 ${i}.jpg`,
  image: Buffer.from(i % 1000 === 999 ? `broken ${i}` : `image ${i}`),
  caption: `文本 ${i}`,
  meta: { width: i, tags: ["a"], ...(i % 2 === 0 ? { url: `http://example.com/${i}` } : {}) },
});
export const SOURCE = memorySource(Array.from({ length: COUNT }, (_, i) => sample(i)));
/** Items with an image that can be read. */
export const ROWS = COUNT - 5;

/** Embeds both shards of the source into a folder. */
export async function makeShards(output: string): Promise<string> {
  for (const shard of await shardsOf(SOURCE, 2600)) await embedShard(hashEmbedder(), SOURCE, shard, { output, towers: ["image", "text"] });
  return output;
}

export const openStore = (folder: string): Promise<FolderStore<JsonObject>> => openFolderStore<JsonObject>(folder, INFO);
