/** What a worker does with a shard's id: reads the shard from the manifest, embeds it, and puts its files into the output. */
import {
  type DataSource,
  embedShard,
  type EmbedShardOptions,
  type FileStore,
  folderStore,
  type ShardEmbedder,
  shardFiles,
} from "@chinese-clip/dataset";
import type { ManifestIndex } from "../shards/manifest-index.js";
import type { WorkerOptions } from "./worker-types.js";

/** What is embedded, by what, and where it goes: all of it the worker's own, nothing from a job. */
export interface EmbedJobOptions extends Pick<EmbedShardOptions, "towers" | "settings" | "prepareText" | "limits" | "onFailure"> {
  /** The manifest. */
  readonly manifest: ManifestIndex;
  /** Its source, as `openSource(manifest.source)` opens it. */
  readonly source: DataSource;
  /** The model. */
  readonly embedder: ShardEmbedder;
  /** Where finished shards go: a folder, or a store such as `s3Store` makes. */
  readonly output: string | FileStore;
}

/** `manifest` and `process` of a worker that embeds a manifest's shards. */
export function embedJobs({
  manifest,
  source,
  embedder,
  output,
  ...options
}: EmbedJobOptions): Pick<WorkerOptions, "manifest" | "process"> {
  const store = typeof output === "string" ? folderStore(output) : output;
  return {
    manifest: manifest.digest,
    async process(id, { signal, again, onProgress }) {
      const shard = await manifest.get(id);
      // Without its marks a shard is one that was never finished, whatever its other files are.
      if (again) for (const mark of [shardFiles(shard.index).text, shardFiles(shard.index).image]) await store.remove(mark, { signal });
      const { rows, failed, skipped } = await embedShard(embedder, source, shard, {
        ...options,
        output: store,
        signal,
        onProgress: ({ done, count }) => onProgress(done, count),
      });
      return { images: rows, unreadable: failed, skipped };
    },
  };
}
