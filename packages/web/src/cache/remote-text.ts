/**
 * A small text file over HTTP, read whole and cached.
 */
import { HubError } from "@chinese-clip/pipeline";
import { type ExpectedFile, mismatchError } from "../http/expected-file.js";
import { requestRange } from "../http/request-range.js";
import type { RemoteContext } from "./remote-file.js";

/** Configurations, vocabularies and tokenizers are far smaller. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** What a text is checked against before it is cached. */
export interface RemoteTextOptions {
  /** Called before a request. */
  readonly onRequest?: () => void;
  /** Whether a text is what was asked for; another one is not cached. Default: any is. */
  readonly accepts?: (text: string) => boolean;
  /** What the file should be. */
  readonly expected?: Promise<ExpectedFile | undefined> | undefined;
}

/**
 * A text file, from the cache or from the server.
 *
 * @returns undefined where the server has no such file, or one that was not accepted.
 * @throws HubError - as requests do; `integrity`: it is larger than 64 MiB, or not the expected file.
 */
export async function fetchText(
  url: string,
  { cache, client, signal }: RemoteContext,
  { onRequest, accepts = () => true, expected }: RemoteTextOptions = {},
): Promise<string | undefined> {
  const facts = await cache?.facts(url);
  const known = facts?.size === undefined ? undefined : await cache?.read(url, { start: 0, end: facts.size });
  if (known !== undefined) {
    const { sha256 } = (await expected) ?? {};
    if (sha256 === undefined || sha256 === facts?.sha256) return new TextDecoder().decode(known);
    await cache?.remove(url);
  }
  onRequest?.();
  const answer = await requestRange(client, url, { maxBytes: MAX_TEXT_BYTES, signal });
  if (answer === undefined) return undefined;
  const bytes = new Uint8Array(answer.range.end);
  let at = 0;
  for await (const chunk of answer.chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < bytes.length)
    throw new HubError("network", `${url}: the connection was closed after ${at} of ${bytes.length} bytes`, {
      url,
      expected: bytes.length,
    });
  const { size = bytes.length, sha256 } = (await expected) ?? {};
  if (size !== bytes.length) throw mismatchError(url, "bytes", size, bytes.length);
  if (sha256 !== undefined) {
    const actual = (await import("./hashed-read.js")).sha256Hex(bytes);
    if (actual !== sha256) throw mismatchError(url, "sha256", sha256, actual);
  }
  const text = new TextDecoder().decode(bytes);
  if (!accepts(text)) return undefined;
  // In this order: facts without bytes would be asked for again, bytes without facts never be found.
  await cache?.put(url, { start: 0, end: bytes.length }, bytes);
  await cache?.putFacts(url, { size: bytes.length, version: answer.version, sha256 });
  return text;
}
