/**
 * A manifest's shards by id, for a worker that is told an id: where each one's line begins, and the digest of the whole file. The lines, which may
 * name a thousand files each, stay on the disk.
 */
import { DatasetError, openManifest, parseShard, type SourceShard } from "@chinese-clip/dataset";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { QueueError } from "../queue-error.js";

/** Bytes of the beginning of a line that its id is read from. */
const HEAD = 160;

/** A shard's line as manifests are written: the id first. */
const SHARD_LINE = /^\{"id":"([\w.-]{1,100})"/u;

/** The last line. */
const END_LINE = /^\{"shards":(\d+)/u;

/** Where a shard's line is. */
interface Line {
  readonly start: number;
  readonly end: number;
}

/** A manifest that is looked up by id. Some 100 bytes of memory for each shard. */
export interface ManifestIndex {
  /** SHA-256 of the file, in hex. */
  readonly digest: string;
  /** What `openSource` opens the source by. */
  readonly source: string;
  /** The ids, in the manifest's order. */
  readonly ids: readonly string[];
  /**
   * Reads a shard.
   *
   * @throws QueueError - `unknown-shard`. DatasetError - `not-a-manifest`: the file was changed.
   */
  get(id: string): Promise<SourceShard>;
}

/**
 * Reads a manifest once.
 *
 * @throws DatasetError - `no-such-file`; `not-a-manifest`, `manifest-cut`. The signal's reason.
 */
export async function indexManifest(file: string, signal?: AbortSignal): Promise<ManifestIndex> {
  const { source } = await openManifest(file);
  const lines = new Map<string, Line>();
  const hash = createHash("sha256");
  let expected: number | undefined;
  let [start, at, number] = [0, 0, 0];
  let head = "";
  const endLine = (): void => {
    number++;
    const id = SHARD_LINE.exec(head)?.[1];
    if (id !== undefined && lines.has(id))
      throw new DatasetError("not-a-manifest", { reason: `id ${id} is there already`, file, line: number });
    if (id !== undefined) lines.set(id, { start, end: at });
    else if (number > 1) expected = Number(END_LINE.exec(head)?.[1] ?? Number.NaN);
    head = "";
  };
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
    for (let from = 0; from < chunk.length;) {
      const newline = chunk.indexOf(10, from);
      const to = newline < 0 ? chunk.length : newline;
      if (head.length < HEAD) head += chunk.toString("latin1", from, Math.min(to, from + HEAD));
      at += to - from;
      from = to;
      if (newline < 0) continue;
      endLine();
      at++;
      from++;
      start = at;
    }
  }
  if (at > start) endLine();
  if (expected !== lines.size) throw new DatasetError("manifest-cut", { expected: expected ?? "the number of", got: lines.size, file });
  return {
    digest: hash.digest("hex"),
    source,
    ids: [...lines.keys()],
    async get(id) {
      const line = lines.get(id);
      if (line === undefined) throw new QueueError("unknown-shard", { shard: id });
      const shard = parseShard(await readLine(file, line), file);
      if (shard.id !== id) throw new DatasetError("not-a-manifest", { reason: `${id} was in the place of ${shard.id}`, file });
      return shard;
    },
  };
}

async function readLine(file: string, { start, end }: Line): Promise<unknown> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    return JSON.parse(buffer.toString("utf8", 0, bytesRead));
  } catch (cause) {
    throw new DatasetError("not-a-manifest", { reason: "it was changed while it was read", file }, { cause });
  } finally {
    await handle.close();
  }
}
