/**
 * One shard of a source to clip-retrieval's files. The whole shard is written beside its place first, then put: metadata, failures, record, and
 * as the last file the `.npy` that marks the shard as finished. A process that is killed at any moment leaves no mark, and another one may embed
 * the same shard meanwhile: both write the same bytes.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage } from "@chinese-clip/pipeline";
import { writingTo } from "@chinese-clip/pipeline/node";
import { DatasetError, isRunFault } from "../dataset-error.js";
import { readChunks } from "../files/read-chunks.js";
import type { ImageResult } from "../output/embedder.js";
import type { Tower } from "../output/model-record.js";
import type { DataSource, SourceItem, SourceSample, SourceShard } from "../sources/source.js";
import { checkShard, digestOf, type FileDigest, formatShardRecord, shardFiles, type ShardSettings } from "./shard-files.js";
import { type FileStore, folderStore, stageText } from "../store/file-store.js";
import { MetadataRows } from "./metadata-table.js";
import { createRowFile } from "./row-file.js";
import { withStaging } from "./staging-folder.js";

/** What embeds a shard. `ChineseCLIP` is one, and any other `Embedder`. */
export interface ShardEmbedder {
  /** Values of an embedding. */
  readonly dim: number;
  /** Which weights the embeddings are of, and in which dtype. */
  readonly fingerprint: string;
  /** Embeds texts: normalised rows, float32 `[texts.length, dim]`. */
  embedText(texts: readonly string[], options?: { readonly signal?: AbortSignal | undefined }): Promise<{ readonly data: Float32Array }>;
  /** Embeds images, as their files or bytes, in their order. */
  embedImages(
    images: AsyncIterable<string | Uint8Array>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<ImageResult<string | Uint8Array>>;
}

/** How far a shard is. */
export interface ShardProgress {
  /** Items that were read and embedded, or failed. */
  readonly done: number;
  /** Items of them that failed. */
  readonly failed: number;
  /** How many there are, where the source knows. */
  readonly count: number | undefined;
}

/** An item of a shard that has no row. */
export interface FailedItem {
  /** Its key in the source. */
  readonly key: string;
  /** The error's code, where it has one. */
  readonly code: string | undefined;
  /** Why, in English. */
  readonly reason: string;
  /** The error itself, which the list of failures in the output has no more. */
  readonly error: unknown;
}

/** What a shard may cost. */
export interface ShardLimits {
  /** Items of a shard, at most. Default 10 million. */
  readonly items?: number | undefined;
}

/** How a shard is embedded. */
export interface EmbedShardOptions {
  /** Where finished shards go: a folder, or a store such as `s3Store` makes. */
  readonly output: string | FileStore;
  /** Which towers: `["image"]` (the default), `["text"]`, or both, which skips images without a caption. */
  readonly towers?: readonly Tower[] | undefined;
  /** What is done to a caption before it is embedded; the metadata has the caption as it was. */
  readonly prepareText?: ((caption: string) => string) | undefined;
  /** How the embeddings are made beside the model, for the record: shards of other settings in the output are rejected. */
  readonly settings?: ShardSettings | undefined;
  /** Ends the run with its reason; nothing of the shard is left. */
  readonly signal?: AbortSignal | undefined;
  /** Told after every item. */
  readonly onProgress?: ((progress: ShardProgress) => void) | undefined;
  /** Told of each item without a row, in the order of the items. */
  readonly onFailure?: ((failure: FailedItem) => void) | undefined;
  /** What the shard may cost. */
  readonly limits?: ShardLimits | undefined;
}

/** What became of a shard. */
export interface ShardSummary {
  /** The shard's id. */
  readonly id: string;
  /** Its place in the list. */
  readonly index: number;
  /** Rows of its files. */
  readonly rows: number;
  /** Items without a row. */
  readonly failed: number;
  /** Whether it was complete before, so that nothing was embedded. */
  readonly skipped: boolean;
}

const MOST_ITEMS = 10_000_000;
/** Texts that go through the model together. */
const TEXTS_PER_RUN = 64;

/** Codes of faults that say something of the network and nothing of an item. */
const NETWORK: ReadonlySet<string | undefined> = new Set(["unreachable"]);

/**
 * Embeds one shard, or finds it complete.
 *
 * @throws DatasetError - `foreign-shard`: the output has this index of another shard, model or settings; `too-many-items`; `all-unreachable`:
 * no item could be fetched; what reading the source throws. OutputError - the output cannot be written. The signal's reason.
 */
export async function embedShard(
  embedder: ShardEmbedder,
  source: DataSource,
  shard: SourceShard,
  options: EmbedShardOptions,
): Promise<ShardSummary> {
  const { towers = ["image"], settings = {}, signal } = options;
  const store = typeof options.output === "string" ? folderStore(options.output) : options.output;
  const wanted: readonly Tower[] = (["image", "text"] as const).filter((tower) => towers.includes(tower));
  if (wanted.length === 0) throw new RangeError("embedShard: expected towers of image and text, got none");
  signal?.throwIfAborted();
  const expected = { shard, fingerprint: embedder.fingerprint, settings, towers: wanted };
  const completed = async (): Promise<ShardSummary | undefined> => {
    const found = await checkShard(store, expected, { signal });
    if (found.state === "foreign") {
      const { file, name, recorded, expected: now } = found;
      throw new DatasetError("foreign-shard", { name, recorded, current: now, file: `${store.label}/${file}` });
    }
    if (found.state !== "complete") return undefined;
    return { id: shard.id, index: shard.index, rows: found.record.rows, failed: found.record.failed, skipped: true };
  };
  return (
    (await completed()) ??
    (await withStaging(store.staging, shard.id, async (folder) => {
      const written = await writeShard(embedder, source, shard, { ...options, towers: wanted }, folder);
      // Another worker may have finished it meanwhile: a job that stalled is given to a second one.
      return (await completed()) ?? (await putShard(store, embedder, shard, wanted, settings, written, signal));
    }))
  );
}

/** A shard's files in the staging folder. */
interface WrittenShard {
  readonly folder: string;
  readonly rows: number;
  readonly failed: number;
}

async function writeShard(
  embedder: ShardEmbedder,
  source: DataSource,
  shard: SourceShard,
  options: EmbedShardOptions & { readonly towers: readonly Tower[] },
  folder: string,
): Promise<WrittenShard> {
  const { towers, prepareText = (text) => text, signal, onProgress, onFailure, limits: { items: most = MOST_ITEMS } = {} } = options;
  const rows = new MetadataRows(join(folder, "rows.jsonl"));
  const failures = await writingTo(folder, () => open(join(folder, "failed"), "w"));
  const images = towers.includes("image") ? await createRowFile(join(folder, "image"), embedder.dim) : undefined;
  let [done, failed, unreachable] = [0, 0, 0];
  try {
    for await (const { item, embedding, error } of embedded(
      embedder,
      read(source, shard, towers, most, signal),
      images !== undefined,
      signal,
    )) {
      if (error !== undefined) {
        if (isRunFault(error)) throw error;
        const failure = { key: item.key, code: codeOf(error), reason: errorMessage(error) };
        await writingTo(folder, () => failures.writeFile(`${JSON.stringify(failure)}\n`));
        if (NETWORK.has(failure.code)) unreachable++;
        failed++;
        onFailure?.({ ...failure, error });
      } else {
        rows.add(item);
        await rows.flush();
        if (embedding !== undefined) await images?.add(embedding);
      }
      onProgress?.({ done: ++done, failed, count: shard.count });
    }
    if (rows.count === 0 && failed > 0 && unreachable === failed)
      throw new DatasetError("all-unreachable", { count: failed, file: source.spec });
    await rows.writeTable(join(folder, "metadata"));
    await images?.finish();
    if (towers.includes("text")) await writeTexts(embedder, rows, prepareText, join(folder, "text"), signal);
    await writingTo(folder, () => failures.sync());
    return { folder, rows: rows.count, failed };
  } finally {
    await failures.close();
    await images?.close();
  }
}

type Embedded = {
  readonly item: SourceSample;
  readonly embedding?: Float32Array;
  readonly error?: unknown;
};

/** The items of a shard that is not too long; what has no image or caption for the towers is a fault. */
async function* read(
  source: DataSource,
  shard: SourceShard,
  towers: readonly Tower[],
  most: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceItem, void, undefined> {
  let count = 0;
  for await (const item of source.read(shard, { signal })) {
    signal?.throwIfAborted();
    if (++count > most) throw new DatasetError("too-many-items", { maximum: most, id: shard.id, file: source.spec });
    if ("error" in item) yield item;
    else if (towers.includes("image") && item.image === undefined) yield { key: item.key, error: new DatasetError("no-image", {}) };
    else if (towers.includes("text") && item.caption === undefined) yield { key: item.key, error: new DatasetError("no-caption", {}) };
    else yield item;
  }
}

/** Items with their embeddings, in the order of the source, however far the embedder reads ahead. */
async function* embedded(
  embedder: ShardEmbedder,
  items: AsyncIterable<SourceItem>,
  hasImages: boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<Embedded, void, undefined> {
  if (!hasImages) {
    for await (const item of items) yield "error" in item ? { item: { key: item.key }, error: item.error } : { item };
    return;
  }
  const waiting: SourceItem[] = [];
  const faults = function* (): Generator<Embedded, void, undefined> {
    for (let [first] = waiting; first !== undefined && "error" in first; [first] = waiting) {
      waiting.shift();
      yield { item: { key: first.key }, error: first.error };
    }
  };
  const imagesOf = async function* (): AsyncGenerator<string | Uint8Array, void, undefined> {
    for await (const item of items) {
      // The embedder has the image; a second reference would keep it until its row is written.
      const { image, ...rest } = "error" in item ? { ...item, image: undefined } : item;
      waiting.push(rest);
      if (image !== undefined) yield image;
    }
  };
  for await (const result of embedder.embedImages(imagesOf(), { signal })) {
    yield* faults();
    const item = waiting.shift();
    if (item === undefined || "error" in item) throw new RangeError("embedShard: expected one result for each image, got more");
    yield "embedding" in result ? { item, embedding: result.embedding } : { item, error: result.error };
  }
  yield* faults();
  signal?.throwIfAborted();
  if (waiting.length > 0) throw new RangeError("embedShard: expected one result for each image, got fewer");
}

async function writeTexts(
  embedder: ShardEmbedder,
  rows: MetadataRows,
  prepareText: (caption: string) => string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const texts = await createRowFile(file, embedder.dim);
  try {
    let group: string[] = [];
    const flush = async (): Promise<void> => {
      if (group.length === 0) return;
      const { data } = await embedder.embedText(group, { signal });
      await texts.add(data);
      group = [];
    };
    for await (const { caption = "" } of rows.rows()) {
      if (group.push(prepareText(caption)) === TEXTS_PER_RUN) await flush();
    }
    await flush();
    await texts.finish();
  } finally {
    await texts.close();
  }
}

async function putShard(
  store: FileStore,
  { fingerprint, dim }: ShardEmbedder,
  { id, index }: SourceShard,
  towers: readonly Tower[],
  settings: ShardSettings,
  { folder, rows, failed }: WrittenShard,
  signal: AbortSignal | undefined,
): Promise<ShardSummary> {
  const names = shardFiles(index);
  // The image tower's file is the last one, as it is the mark where both are there.
  const parts = [...(failed > 0 ? (["failed"] as const) : []), "metadata" as const, ...towers.toReversed()];
  const files: Record<string, FileDigest> = {};
  for (const part of parts) files[names[part]] = await fileDigest(join(folder, part));
  const record = formatShardRecord({ id, index, rows, failed, towers, dim, fingerprint, settings, files });
  await writingTo(folder, () => stageText(join(folder, "record"), record));
  signal?.throwIfAborted();
  if (failed === 0) await store.remove(names.failed, { signal });
  const [mark, ...others] = parts.toReversed();
  for (const part of [...others.toReversed(), "record" as const, ...(mark === undefined ? [] : [mark])])
    await store.put(names[part], join(folder, part), { signal });
  return { id, index, rows, failed, skipped: false };
}

async function fileDigest(file: string): Promise<FileDigest> {
  const handle = await open(file);
  try {
    return await digestOf(readChunks(handle));
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
