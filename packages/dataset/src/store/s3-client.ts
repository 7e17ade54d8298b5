/**
 * Objects of S3 and of what speaks its protocol: MinIO, Ceph, OSS. By `@aws-sdk/client-s3`, which is loaded when the first request is made; it
 * signs, finds credentials as AWS's tools do, and repeats what a busy store rejects.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { withoutSecrets } from "@chinese-clip/pipeline";
import type * as Sdk from "@aws-sdk/client-s3";
import { DatasetError, shown } from "../dataset-error.js";
import type { StoredFile } from "./file-store.js";
import { type NetworkOptions, type Transfer, TransientFault } from "../bytes/resumed.js";

/** How a store is reached. What is not given is found as AWS's tools find it: environment, profile, instance role. */
export interface S3Options {
  /** Another store than AWS's, such as `http://minio:9000`. */
  readonly endpoint?: string | undefined;
  /** The store's region. Default `AWS_REGION`, then `us-east-1` where there is an endpoint. */
  readonly region?: string | undefined;
  /** Whether the bucket is in the path and not in the host's name. Default true where there is an endpoint, but for OSS. */
  readonly forcePathStyle?: boolean | undefined;
  /** The key that requests are signed with. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string } | undefined;
}

/** Bytes from which an upload is multipart, and bytes of a part. Ten thousand parts are 160 GiB. */
const PART = 16 << 20;
/** Parts that are sent at a time. */
const PARTS_AT_ONCE = 4;
/** Pages in a row without a name, beyond which a listing has no end: a store may filter what it lists after it has cut it into pages. */
const MOST_EMPTY_PAGES = 1000;

/** Where an object is. */
export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** A bucket's objects. */
export interface S3Client {
  /** An object's size, or undefined where there is none. */
  size(place: S3Place, signal: AbortSignal | undefined): Promise<number | undefined>;
  /** Begins to read an object at a byte; with `tag` only if it is still the same. */
  get(
    place: S3Place,
    range: { readonly start: number; readonly end?: number | undefined },
    tag: string | undefined,
    signal: AbortSignal,
  ): Promise<Transfer>;
  /** The objects of a prefix, by key. */
  list(place: S3Place, signal: AbortSignal | undefined): AsyncGenerator<StoredFile, void, undefined>;
  /** Puts a file of this machine; a large one by a multipart upload. */
  put(place: S3Place, file: string, signal: AbortSignal | undefined): Promise<void>;
  /** Removes an object, if it is there. */
  remove(place: S3Place, signal: AbortSignal | undefined): Promise<void>;
}

/**
 * Connects to a store.
 *
 * @throws DatasetError - `no-s3-client`: the SDK is not installed.
 */
export async function createS3Client(
  { endpoint, region, forcePathStyle, credentials }: S3Options,
  network: NetworkOptions,
): Promise<S3Client> {
  const sdk = await loadSdk();
  const where = endpoint ?? process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  const inRegion =
    region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"] ?? (where === undefined ? undefined : "us-east-1");
  const stall = network.stallMilliseconds ?? 30_000;
  const client = new sdk.S3Client({
    ...(where === undefined ? {} : { endpoint: where }),
    ...(inRegion === undefined ? {} : { region: inRegion }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: forcePathStyle ?? (where !== undefined && !/\.aliyuncs\.com\/?$/u.test(where)),
    maxAttempts: network.attempts ?? 5,
    // Checksums beyond the protocol's own are unknown to older stores.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { socketTimeout: stall, connectionTimeout: Math.min(stall, 10_000) },
  });
  const send = async <Output>(place: S3Place, run: () => Promise<Output>): Promise<Output> => {
    try {
      return await run();
    } catch (error) {
      throw storeError(error, place);
    }
  };
  const of = ({ bucket, key }: S3Place): { Bucket: string; Key: string } => ({ Bucket: bucket, Key: key });
  const how = (signal: AbortSignal | undefined): { abortSignal?: AbortSignal } => (signal === undefined ? {} : { abortSignal: signal });
  return {
    async size(place, signal) {
      const head = await client.send(new sdk.HeadObjectCommand(of(place)), how(signal)).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (statusOf(error) === 404 && !isNamed(error, "NoSuchBucket")) return undefined;
        throw settled(storeError(error, place), place);
      });
      if (head !== undefined && head.ContentLength === undefined)
        throw new DatasetError("unknown-length", { file: `s3://${place.bucket}/${place.key}` });
      return head?.ContentLength;
    },
    get: (place, { start, end }, tag, signal) =>
      send(place, async () => {
        const range = start > 0 || end !== undefined ? { Range: `bytes=${start}-${end === undefined ? "" : end - 1}` } : {};
        const match = tag === undefined ? {} : { IfMatch: tag };
        const output = await client.send(new sdk.GetObjectCommand({ ...of(place), ...range, ...match }), how(signal));
        const { Body, ETag, ContentLength, ContentRange } = output;
        const [, first, whole] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/u.exec(ContentRange ?? "") ?? [];
        // A store that does not know ranges sends the object from its start, and one behind a proxy may not state a length.
        const from = first === undefined ? (statusOf(output) === 206 ? start : 0) : Number(first);
        const length = ContentLength === undefined ? undefined : from + ContentLength;
        const total = whole === undefined || whole === "*" ? length : Number(whole);
        return { chunks: Body as unknown as AsyncIterable<Uint8Array>, start: from, total, tag: ETag };
      }),
    async *list({ bucket, key }, signal) {
      const endless = (reason: string): DatasetError => new DatasetError("unreachable", { reason, file: `s3://${bucket}/${key}` });
      // Brent's cycle detection: a store that hands out a token again would be listed without end.
      let [saved, steps, limit] = [undefined as string | undefined, 0, 1];
      let empty = 0;
      for (let token: string | undefined; ;) {
        const next = token === undefined ? {} : { ContinuationToken: token };
        const page = await client
          .send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: key, ...next }), how(signal))
          .catch((error: unknown): never => {
            signal?.throwIfAborted();
            throw settled(storeError(error, { bucket, key }), { bucket, key });
          });
        for (const { Key = "", Size = 0 } of page.Contents ?? []) yield { name: Key, size: Size };
        if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
        token = page.NextContinuationToken;
        if (token === saved) throw endless("its listing begins again and again");
        empty = (page.Contents ?? []).length > 0 ? 0 : empty + 1;
        if (empty > MOST_EMPTY_PAGES) throw endless(`its listing has ${empty} pages without a name, and no end`);
        if (++steps === limit) [saved, steps, limit] = [token, 0, 2 * limit];
      }
    },
    async put(place, file, signal) {
      try {
        await putFile(sdk, client, of(place), file, signal);
      } catch (error) {
        signal?.throwIfAborted();
        throw settled(storeError(error, place), place);
      }
    },
    async remove(place, signal) {
      await client.send(new sdk.DeleteObjectCommand(of(place)), how(signal)).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (statusOf(error) !== 404) throw settled(storeError(error, place), place);
      });
    },
  };
}

async function putFile(
  sdk: typeof Sdk,
  client: Sdk.S3Client,
  of: { readonly Bucket: string; readonly Key: string },
  file: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const how = signal === undefined ? {} : { abortSignal: signal };
  const handle = await open(file);
  const read = async (start: number, length: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(length);
    await handle.read(bytes, 0, length, start);
    return bytes;
  };
  try {
    const { size } = await handle.stat();
    if (size <= PART) {
      await client.send(new sdk.PutObjectCommand({ ...of, Body: await read(0, size), ContentLength: size }), how);
      return;
    }
    const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(of), how);
    const upload = { ...of, UploadId };
    try {
      const count = Math.ceil(size / PART);
      const parts: { readonly PartNumber: number; readonly ETag: string | undefined }[] = [];
      const stop = new AbortController();
      let next = 0;
      const sendParts = async (): Promise<void> => {
        while (next < count && !stop.signal.aborted) {
          const part = next++;
          const Body = await read(part * PART, Math.min(PART, size - part * PART));
          const { ETag } = await client.send(
            new sdk.UploadPartCommand({ ...upload, PartNumber: part + 1, Body, ContentLength: Body.length }),
            how,
          );
          parts[part] = { PartNumber: part + 1, ETag };
        }
      };
      const senders = Array.from({ length: Math.min(count, PARTS_AT_ONCE) }, sendParts);
      await Promise.all(senders).catch(async (error: unknown) => {
        stop.abort();
        await Promise.allSettled(senders);
        throw error;
      });
      await client
        .send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }), how)
        .catch(async (error: unknown) => {
          // The client repeats a request whose answer was lost, and by then the upload is complete.
          const tag = isNamed(error, "NoSuchUpload") ? tagOfParts(parts) : undefined;
          if (tag === undefined || (await client.send(new sdk.HeadObjectCommand(of), how)).ETag !== tag) throw error;
        });
    } catch (error) {
      // Parts of an upload that is never completed would be paid for.
      await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => undefined);
      throw error;
    }
  } finally {
    await handle.close();
  }
}

/** The tag of an object made of parts: the MD5 of their MD5s. Undefined where the store's tags are something else, as with its own keys. */
function tagOfParts(parts: readonly { readonly ETag: string | undefined }[]): string | undefined {
  const hash = createHash("md5");
  for (const { ETag = "" } of parts) {
    const [, digest] = /^"?([\da-f]{32})"?$/iu.exec(ETag) ?? [];
    if (digest === undefined) return undefined;
    hash.update(digest, "hex");
  }
  return `"${hash.digest("hex")}-${parts.length}"`;
}

async function loadSdk(): Promise<typeof Sdk> {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (cause) {
    throw new DatasetError("no-s3-client", {}, { cause });
  }
}

const DENIED = [
  "AccessDenied",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "InvalidToken",
  "CredentialsProviderError",
  "Forbidden",
  "AuthorizationHeaderMalformed",
  "RequestTimeTooSkewed",
];

/** What a store said: a DatasetError for what will not pass, else a {@link TransientFault}. */
function storeError(error: unknown, { bucket, key }: S3Place): DatasetError | TransientFault {
  const file = `s3://${bucket}/${key}`;
  const [name, message] = error instanceof Error ? [error.name, error.message] : ["", String(error)];
  const reason = shown(
    withoutSecrets([name, message].filter((part) => part !== "" && part !== "Error" && part !== "UnknownError").join(": ")),
  );
  const status = statusOf(error);
  if (name === "NoSuchBucket") return new DatasetError("no-bucket", { file }, { cause: error });
  if (DENIED.includes(name) || status === 403 || status === 401) return new DatasetError("s3-denied", { reason, file }, { cause: error });
  if (name === "NoSuchUpload") return new DatasetError("unreachable", { reason, file }, { cause: error });
  if (status === 404) return new DatasetError("no-such-file", { file }, { cause: error });
  if (status === 412) return new DatasetError("replaced-while-read", { file }, { cause: error });
  if (status !== undefined && status < 500 && status !== 429 && status !== 408)
    return new DatasetError("unreachable", { reason, file }, { cause: error });
  return new TransientFault(reason, undefined, { cause: error });
}

/** The SDK has repeated it already. */
function settled(error: DatasetError | TransientFault, { bucket, key }: S3Place): DatasetError {
  if (error instanceof DatasetError) return error;
  return new DatasetError("unreachable", { reason: error.message, file: `s3://${bucket}/${key}` }, { cause: error });
}

function statusOf(error: unknown): number | undefined {
  const metadata = typeof error === "object" && error !== null && "$metadata" in error ? error.$metadata : undefined;
  const status = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata ? metadata.httpStatusCode : undefined;
  return typeof status === "number" ? status : undefined;
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
