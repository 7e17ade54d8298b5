/** A bucket, or what is below a prefix of one: as a store of finished shards, and as files to read. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteFile } from "../bytes/byte-file.js";
import { type NetworkOptions, resumed } from "../bytes/resumed.js";
import { DatasetError, shown } from "../dataset-error.js";
import type { FileStore } from "./file-store.js";
import { createS3Client, type S3Client, type S3Options, type S3Place } from "./s3-client.js";

/** Options of {@link s3Store}. */
export interface S3StoreOptions extends S3Options {
  /** How patient to be. */
  readonly network?: NetworkOptions | undefined;
}

/** A bucket, a key or prefix in it, and how it is reached. */
export interface S3Address extends S3Place {
  /** What the address itself says; options have precedence. */
  readonly options: S3Options;
}

/**
 * Parses `s3://bucket/prefix?endpoint=http://minio:9000&region=us-east-1&pathStyle=true`.
 *
 * @throws DatasetError - `s3-address`.
 */
export function parseS3Address(address: string): S3Address {
  const [, bucket, key = "", query = ""] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/([^?]*))?(?:\?(.*))?$/su.exec(address) ?? [];
  const parameters = new URLSearchParams(query);
  const [endpoint, region, pathStyle] = ["endpoint", "region", "pathStyle"].map((name) => parameters.get(name) ?? undefined);
  const isKnown = [...parameters.keys()].every((name) => ["endpoint", "region", "pathStyle"].includes(name));
  const isEndpoint = endpoint === undefined || (/^https?:/u.test(endpoint) && URL.canParse(endpoint));
  if (bucket === undefined || !isKnown || !isEndpoint || !["true", "false", undefined].includes(pathStyle))
    throw new DatasetError("s3-address", { file: shown(address) });
  return { bucket, key, options: { endpoint, region, forcePathStyle: pathStyle === undefined ? undefined : pathStyle === "true" } };
}

/**
 * Opens a bucket as a store. Nothing is asked yet.
 *
 * @param address - `s3://bucket/prefix`.
 * @throws DatasetError - `s3-address`.
 */
export function s3Store(address: string, options: S3StoreOptions = {}): FileStore {
  const { bucket, key, options: stated } = parseS3Address(address);
  const prefix = key === "" || key.endsWith("/") ? key : `${key}/`;
  const client = lazyClient({ ...stated, ...given(options) }, options.network ?? {});
  const place = (name: string): S3Place => ({ bucket, key: prefix + name });
  return {
    label: `s3://${bucket}/${prefix}`.replace(/\/$/u, ""),
    staging: join(tmpdir(), "chinese-clip-staging"),
    async stat(name, { signal } = {}) {
      const size = await (await client()).size(place(name), signal);
      return size === undefined ? undefined : { name, size };
    },
    read: (name, { signal } = {}) => objectFile(client, place(name), options.network ?? {}).stream({ signal }),
    put: async (name, file, { signal } = {}) => (await client()).put(place(name), file, signal),
    remove: async (name, { signal } = {}) => (await client()).remove(place(name), signal),
    async *list(folder, { signal } = {}) {
      const below = place(folder === "" ? "" : `${folder}/`);
      for await (const { name, size } of (await client()).list(below, signal))
        if (!name.endsWith("/")) yield { name: name.slice(prefix.length), size };
    },
  };
}

/**
 * An object as a file to read.
 *
 * @param address - `s3://bucket/key`.
 * @throws DatasetError - `s3-address`.
 */
export function s3File(address: string, options: S3StoreOptions = {}): ByteFile {
  const { bucket, key, options: stated } = parseS3Address(address);
  return objectFile(lazyClient({ ...stated, ...given(options) }, options.network ?? {}), { bucket, key }, options.network ?? {});
}

function objectFile(client: () => Promise<S3Client>, place: S3Place, network: NetworkOptions): ByteFile {
  const label = `s3://${place.bucket}/${place.key}`;
  return {
    label,
    async size({ signal } = {}) {
      const size = await (await client()).size(place, signal);
      if (size === undefined) throw new DatasetError("no-such-file", { file: label });
      return size;
    },
    stream: ({ start, end, signal } = {}) =>
      resumed(label, async (at, tag, own) => (await client()).get(place, { start: at, end }, tag, own), { start, end }, network, signal),
  };
}

/** Clients by what they were made with: one has its own connections and credentials, and a job opens thousands of files. */
function lazyClient(options: S3Options, network: NetworkOptions): () => Promise<S3Client> {
  let client: Promise<S3Client> | undefined;
  return () => (client ??= createS3Client(options, network));
}

function given({ endpoint, region, forcePathStyle, credentials }: S3Options): S3Options {
  return Object.fromEntries(Object.entries({ endpoint, region, forcePathStyle, credentials }).filter(([, value]) => value !== undefined));
}
