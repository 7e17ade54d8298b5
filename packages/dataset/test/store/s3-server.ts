/**
 * A store that speaks S3's protocol on a port of this machine: objects in memory, signatures checked as "Authenticating Requests (AWS Signature Version 4)" of
 * the S3 API Reference says, path-style and virtual-hosted buckets, listing in pages, ranges, conditional and multipart requests. Faults are planted by a
 * function that sees each request first.
 */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Who may ask. */
export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } as const;

/** A request as the tests look at it. */
export interface SeenRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
}

/** A running store. */
export interface S3Server {
  readonly endpoint: string;
  /** Bucket to key to content. */
  readonly buckets: Map<string, Map<string, Buffer>>;
  /** Uploads that were neither completed nor aborted. */
  readonly uploads: Map<string, Map<number, Buffer>>;
  readonly seen: SeenRequest[];
  /** Answers a request in the store's place, and says so by returning true. */
  fault: ((request: SeenRequest, response: ServerResponse) => boolean) | undefined;
  close(): Promise<void>;
}

/** Starts a store with a bucket `data`. */
export async function startS3(): Promise<S3Server> {
  const buckets = new Map([["data", new Map<string, Buffer>()]]);
  const uploads = new Map<string, Map<number, Buffer>>();
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => fail(response, 500, "InternalError", String(error)));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const store: S3Server = {
    endpoint: `http://127.0.0.1:${port}`,
    buckets,
    uploads,
    seen,
    fault: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return store;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://store");
    const host = (request.headers.host ?? "").split(":")[0] ?? "";
    const virtual = /^([^.]+)\.(?!0\.0\.1$)/u.exec(host)?.[1];
    const [, first = "", rest = ""] = /^\/([^/]*)\/?(.*)$/su.exec(url.pathname) ?? [];
    const isVirtual = virtual !== undefined && !/^[\d.]+$/u.test(host);
    const bucket = isVirtual ? virtual : first;
    const key = decodeURIComponent(isVirtual ? url.pathname.slice(1) : rest);
    const one: SeenRequest = { method: request.method ?? "", bucket, key, query: url.searchParams, headers: request.headers };
    seen.push(one);
    if (store.fault?.(one, response) === true) {
      request.resume();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const denied = checkSignature(request, url, body);
    if (denied !== undefined) return fail(response, 403, denied, "The request is not authorised.");
    const objects = buckets.get(bucket);
    if (objects === undefined) return fail(response, 404, "NoSuchBucket", "The specified bucket does not exist");
    if (key === "" && one.method === "GET") return list(response, bucket, objects, url.searchParams);
    if (one.method === "POST" && url.searchParams.has("uploads")) {
      const id = `upload-${uploads.size + 1}-${Date.now()}`;
      uploads.set(id, new Map());
      return xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    const uploadId = url.searchParams.get("uploadId");
    if (uploadId !== null) return upload(response, one, uploadId, objects, body);
    if (one.method === "PUT") {
      objects.set(key, body);
      response.writeHead(200, { etag: etagOf(body) }).end();
      return;
    }
    if (one.method === "DELETE") {
      objects.delete(key);
      response.writeHead(204).end();
      return;
    }
    const object = objects.get(key);
    if (object === undefined) return fail(response, 404, "NoSuchKey", "The specified key does not exist.", one.method === "HEAD");
    const match = request.headers["if-match"];
    if (match !== undefined && match !== etagOf(object)) return fail(response, 412, "PreconditionFailed", "Changed");
    const [, from, to] = /^bytes=(\d+)-(\d*)$/u.exec(request.headers.range ?? "") ?? [];
    const [start, end] = [Number(from ?? 0), to === undefined || to === "" ? object.length - 1 : Math.min(Number(to), object.length - 1)];
    if (from !== undefined && start >= object.length) return fail(response, 416, "InvalidRange", "Out of range");
    const part = from === undefined ? object : object.subarray(start, end + 1);
    response.writeHead(from === undefined ? 200 : 206, {
      etag: etagOf(object),
      "content-length": part.length,
      ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end}/${object.length}` }),
    });
    response.end(one.method === "HEAD" ? undefined : part);
  }

  function upload(
    response: ServerResponse,
    { method, key, query }: SeenRequest,
    id: string,
    objects: Map<string, Buffer>,
    body: Buffer,
  ): void {
    const parts = uploads.get(id);
    if (parts === undefined) return fail(response, 404, "NoSuchUpload", "No such upload");
    if (method === "PUT") {
      parts.set(Number(query.get("partNumber")), body);
      response.writeHead(200, { etag: etagOf(body) }).end();
      return;
    }
    if (method === "POST") {
      const stated = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/gu)].map(([, number]) => Number(number));
      const found = stated.map((number) => parts.get(number));
      if (found.some((part, i) => part === undefined || (i < found.length - 1 && part.length < 5 << 20)))
        return fail(response, 400, "InvalidPart", "A part is missing or too small");
      const object = Buffer.concat(found as Buffer[]);
      const tags = found.map((part) =>
        createHash("md5")
          .update(part as Buffer)
          .digest(),
      );
      multipartTags.set(object, `"${createHash("md5").update(Buffer.concat(tags)).digest("hex")}-${tags.length}"`);
      objects.set(key, object);
      uploads.delete(id);
      return xml(response, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
    }
    uploads.delete(id);
    response.writeHead(204).end();
  }

  function list(response: ServerResponse, bucket: string, objects: Map<string, Buffer>, query: URLSearchParams): void {
    const [prefix, token] = [query.get("prefix") ?? "", query.get("continuation-token") ?? ""];
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > token).sort();
    const page = keys.slice(0, Math.min(1000, Number(query.get("max-keys") ?? 1000)));
    const contents = page
      .map((key) => `<Contents><Key>${escapeXml(key)}</Key><Size>${objects.get(key)?.length}</Size></Contents>`)
      .join("");
    const more = keys.length > page.length;
    const next = more ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? "")}</NextContinuationToken>` : "";
    xml(response, `<ListBucketResult><Name>${bucket}</Name><IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`);
  }
}

/** Answers with an error as S3 does. */
export function fail(response: ServerResponse, status: number, code: string, message: string, isHead = false): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(isHead ? undefined : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}

/** What is wrong with a request's signature. */
function checkSignature({ method = "", headers }: IncomingMessage, url: URL, body: Buffer): string | undefined {
  const [, id, date, region, service, signed = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/u.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (id === undefined) return "AccessDenied";
  if (id !== CREDENTIALS.accessKeyId) return "InvalidAccessKeyId";
  const payload = String(headers["x-amz-content-sha256"]);
  if (payload !== "UNSIGNED-PAYLOAD" && payload !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const path = url.pathname
    .split("/")
    .map((part) => uriEncode(decodeURIComponent(part)))
    .join("/");
  const query = [...url.searchParams]
    .map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`)
    .sort()
    .join("&");
  const lines = signed.split(";").map((name) => `${name}:${String(headers[name]).trim().replace(/ +/gu, " ")}\n`);
  const canonical = [method, path, query, lines.join(""), signed, payload].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(Buffer.from(canonical))].join("\n");
  let key: Buffer = Buffer.from(`AWS4${CREDENTIALS.secretAccessKey}`);
  for (const part of [date, region, service, "aws4_request"]) key = createHmac("sha256", key).update(String(part)).digest();
  return createHmac("sha256", key).update(text).digest("hex") === signature ? undefined : "SignatureDoesNotMatch";
}

function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/gu, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Tags of objects that came in parts. */
const multipartTags = new WeakMap<Buffer, string>();

function etagOf(bytes: Buffer): string {
  return multipartTags.get(bytes) ?? `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function xml(response: ServerResponse, content: string): void {
  response.writeHead(200, { "content-type": "application/xml" }).end(`<?xml version="1.0" encoding="UTF-8"?>${content}`);
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/gu, (character) => `&#${character.charCodeAt(0)};`);
}
