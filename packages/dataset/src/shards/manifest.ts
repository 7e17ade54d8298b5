/**
 * The list of a source's shards in a file, written once by whoever lists and read by all who embed, so that no two of them divide the source
 * otherwise: JSON lines, a head, a line for each shard, and an end that states how many there are.
 */
import { open, stat } from "node:fs/promises";
import { stageFile, writingTo } from "@chinese-clip/pipeline/node";
import { DatasetError, shownJson } from "../dataset-error.js";
import { readLines } from "../files/read-lines.js";
import { SHARD_ID, shardSizeOf } from "../sources/shard-id.js";
import type { DataSource, JsonObject, JsonValue, ListOptions, SourceShard } from "../sources/source.js";

const FORMAT = "chinese-clip-manifest";
const VERSION = 1;

/** Characters that are collected before they are written. */
const BUFFERED = 1 << 20;

/** A manifest's head, and a way to its shards. */
export interface Manifest {
  /** What `openSource` opens the source by. */
  readonly source: string;
  /** Items of a shard that were asked for. */
  readonly shardSize: number;
  /**
   * The shards, in their order; checked line by line.
   *
   * @throws DatasetError - `not-a-manifest`, `manifest-cut`.
   */
  shards(): AsyncGenerator<SourceShard, void, undefined>;
}

/** What a manifest lists. */
export interface ManifestSummary {
  /** How many shards. */
  readonly shards: number;
  /** How many items, where the source knows without reading them. */
  readonly items: number | undefined;
}

/**
 * Lists a source into a file, which appears whole or not at all.
 *
 * @throws DatasetError - `manifest-exists`; what listing throws. OutputError - the place cannot be written.
 */
export async function writeManifest(file: string, source: DataSource, options: ListOptions = {}): Promise<ManifestSummary> {
  const shardSize = shardSizeOf(options);
  return stageFile(
    file,
    async (part) => {
      if (await isThere(file)) throw new DatasetError("manifest-exists", { file });
      const handle = await writingTo(file, () => open(part, "w"));
      try {
        let pending = `${JSON.stringify({ format: FORMAT, version: VERSION, source: source.spec, shardSize })}\n`;
        let [shards, items] = [0, 0 as number | undefined];
        for await (const { id, index, count, part: where } of source.list({ ...options, shardSize })) {
          pending += `${JSON.stringify({ id, index, ...(count === undefined ? {} : { count }), part: where })}\n`;
          shards++;
          items = items === undefined || count === undefined ? undefined : items + count;
          if (pending.length < BUFFERED) continue;
          await writingTo(file, () => handle.writeFile(pending));
          pending = "";
        }
        const end = JSON.stringify({ shards, ...(items === undefined ? {} : { items }) });
        await writingTo(file, async () => {
          await handle.writeFile(`${pending}${end}\n`);
          await handle.sync();
        });
        return { shards, items };
      } finally {
        await handle.close();
      }
    },
    options.signal,
  );
}

/**
 * Opens a manifest and checks its head.
 *
 * @throws DatasetError - `no-such-file` and its like; `not-a-manifest`, with the line.
 */
export async function openManifest(file: string): Promise<Manifest> {
  for await (const { text } of readLines(file)) {
    const { format, version, source, shardSize } = parseLine(text, file, 1);
    if (format !== FORMAT || typeof source !== "string") throw invalid("its first line does not say so", file, 1);
    if (version !== VERSION) throw invalid(`version ${VERSION} expected, got ${shownJson(version)}`, file, 1);
    if (!isCount(shardSize) || shardSize < 1) throw invalid("its shardSize is no integer of at least 1", file, 1);
    return { source, shardSize, shards: () => readShards(file) };
  }
  throw invalid("it is empty", file, undefined);
}

async function* readShards(file: string): AsyncGenerator<SourceShard, void, undefined> {
  const ids = new Set<string>();
  let end: number | undefined;
  for await (const { number, text } of readLines(file)) {
    if (number === 1) continue;
    if (end !== undefined) throw invalid("nothing behind the line with the number of shards", file, number);
    const object = parseLine(text, file, number);
    if (!("id" in object)) {
      if (!isCount(object["shards"])) throw invalid("a shard's id and index, or the number of shards", file, number);
      end = object["shards"];
      continue;
    }
    const shard = parseShard(object, file, number);
    if (shard.index !== ids.size) throw invalid(`index ${ids.size} expected, got ${shard.index}`, file, number);
    if (ids.has(shard.id)) throw invalid(`id ${shard.id} is there already`, file, number);
    ids.add(shard.id);
    yield shard;
  }
  if (end !== ids.size) throw new DatasetError("manifest-cut", { expected: end ?? "the number of", got: ids.size, file });
}

/**
 * A shard from JSON, as from a queue.
 *
 * @param file - where it is from, for the message.
 * @throws DatasetError - `not-a-manifest`.
 */
export function parseShard(value: unknown, file: string, line?: number): SourceShard {
  if (typeof value !== "object" || value === null) throw invalid("a shard is an object", file, line);
  const { id, index, count, part } = value as JsonObject;
  if (typeof id !== "string" || !SHARD_ID.test(id)) throw invalid(`an id of A-Z a-z 0-9 _ . -, got ${shownJson(id)}`, file, line);
  if (!isCount(index)) throw invalid(`an index of at least 0, got ${shownJson(index)}`, file, line);
  if (count !== undefined && !isCount(count)) throw invalid(`a count of at least 0, got ${shownJson(count)}`, file, line);
  if (part === undefined) throw invalid("a part", file, line);
  return { id, index, ...(count === undefined ? {} : { count }), part };
}

function parseLine(text: string, file: string, line: number): Readonly<Record<string, JsonValue | undefined>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Said below.
  }
  throw invalid("a JSON object a line", file, line);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function invalid(reason: string, file: string, line: number | undefined): DatasetError {
  return new DatasetError("not-a-manifest", { reason, file, line });
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
