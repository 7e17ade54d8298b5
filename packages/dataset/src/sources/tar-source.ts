/** `webdataset:{00000..00099}.tar`: tars as img2dataset writes them. A tar is a shard. */
import { basename } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DatasetError } from "../dataset-error.js";
import { localSamples, type SampleLimits, streamedSamples } from "./tar-samples.js";
import { type AccessOptions, filesAt } from "./locations.js";
import { shardId, shardSizeOf } from "./shard-id.js";
import type { DataSource, SourceShard } from "./source.js";

/** What a folder's tars end in. */
const EXTENSIONS: readonly string[] = [".tar", ".tar.gz", ".tgz"];

/** How many times longer than its compressed bytes a tar may be, and what it may be longer in any case. */
const [MOST_EXPANSION, FREE_EXPANSION] = [100, 64 << 20];

/** Each piece of what is decompressed is a way through the event loop and back: Node's 16 KiB are 65 of them for a megabyte. */
const GUNZIP_CHUNK = 256 << 10;

/** Opens tars. */
export function tarSource(location: string, spec: string, limits: SampleLimits, access: AccessOptions): DataSource {
  const files = filesAt(location, EXTENSIONS, access);
  return {
    spec,
    async *list(options = {}) {
      shardSizeOf(options);
      let index = 0;
      for await (const { name, size } of files.list(options.signal)) {
        options.signal?.throwIfAborted();
        const where = { file: name, ...(size === undefined ? {} : { size }) };
        yield { id: shardId(index, [basename(name), size ?? null]), index: index++, part: where };
      }
    },
    async *read(shard, { signal } = {}) {
      const { name, size } = partOf(shard);
      const file = files.open(name);
      if (size !== undefined) {
        const found = await file.size({ signal });
        if (found !== size) throw new DatasetError("source-changed", { got: found, expected: size, file: file.label });
      }
      const isCompressed = /\.t?gz$/iu.test(name);
      if (file.path !== undefined && !isCompressed) yield* localSamples(file.path, limits, signal);
      else {
        const chunks = file.stream({ signal });
        yield* streamedSamples(isCompressed ? decompressed(chunks, file.label) : chunks, file.label, limits, signal);
      }
    },
  };
}

function partOf({ id, part }: SourceShard): { readonly name: string; readonly size: number | undefined } {
  const { file, size } = typeof part === "object" && part !== null ? (part as Readonly<Record<string, unknown>>) : {};
  if (typeof file === "string" && (size === undefined || typeof size === "number")) return { name: file, size };
  throw new DatasetError("invalid-shard", { id, expected: "a tar" });
}

/** The bytes of a gzip stream, no more of them than a tar of images can become. */
async function* decompressed(chunks: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array, void, undefined> {
  let [taken, given] = [0, 0];
  const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      taken += chunk.length;
      yield chunk;
    }
  };
  const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK });
  let broken: unknown;
  pipeline(Readable.from(counted(), { objectMode: false }), gunzip, (error) => (broken = error));
  try {
    for await (const chunk of gunzip) {
      given += (chunk as Uint8Array).length;
      const maximum = MOST_EXPANSION * taken + FREE_EXPANSION;
      if (given > maximum) throw new DatasetError("expands-too-far", { got: taken, maximum, file });
      yield chunk as Uint8Array;
    }
  } catch (error) {
    const cause = broken instanceof DatasetError ? broken : error;
    if (cause instanceof DatasetError || !(cause instanceof Error && "errno" in cause)) throw cause;
    throw new DatasetError("not-a-tar", { reason: `its gzip data is damaged: ${cause.message}`, file }, { cause });
  } finally {
    gunzip.destroy();
  }
}
