import { shardId } from "../../src/sources/shard-id.js";
import type { DataSource, SourceItem, SourceShard } from "../../src/sources/source.js";
import type { ShardEmbedder } from "../../src/shards/embed-shard.js";
import { readFileSync } from "node:fs";
import { DIM, embeddingOf } from "../fake-embedder.js";

/** A source of items in memory. */
export function memorySource(items: readonly SourceItem[]): DataSource {
  return {
    spec: "memory:",
    async *list({ shardSize = 10 } = {}) {
      for (let from = 0; from < items.length; from += shardSize)
        yield {
          id: shardId(from / shardSize, from),
          index: from / shardSize,
          part: { from, to: Math.min(items.length, from + shardSize) },
        };
    },
    async *read({ part }) {
      const { from, to } = part as { from: number; to: number };
      yield* items.slice(from, to);
    },
  };
}

/** The shards of a source. */
export async function shardsOf(source: DataSource, shardSize?: number): Promise<SourceShard[]> {
  const shards: SourceShard[] = [];
  for await (const shard of source.list({ shardSize })) shards.push(shard);
  return shards;
}

/** Embeds a hash of what it is given, two batches ahead; an image that begins with "broken" fails. Counts its calls. */
export function hashEmbedder(fingerprint = "model-a"): ShardEmbedder & { images: number; texts: number } {
  const model = {
    fingerprint,
    dim: DIM,
    images: 0,
    texts: 0,
    async *embedImages(images: AsyncIterable<string | Uint8Array>) {
      let [index, waiting] = [0, [] as (string | Uint8Array)[]];
      const result = (input: string | Uint8Array) => {
        model.images++;
        const bytes = typeof input === "string" ? readFileSync(input) : Buffer.from(input);
        if (bytes.toString("latin1").startsWith("broken"))
          return { index: index++, input, error: Object.assign(new Error("no image"), { code: "corrupt" }) };
        return { index: index++, input, embedding: embeddingOf(bytes) };
      };
      for await (const image of images) {
        waiting.push(image);
        if (waiting.length < 6) continue;
        for (const input of waiting.splice(0, 3)) yield result(input);
      }
      for (const input of waiting) yield result(input);
    },
    async embedText(texts: readonly string[]) {
      model.texts += texts.length;
      const data = new Float32Array(texts.length * DIM);
      for (const [i, text] of texts.entries()) data.set(embeddingOf(text), i * DIM);
      return { data };
    },
  };
  return model;
}
