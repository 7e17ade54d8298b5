/**
 * A small file over HTTP, whole.
 */
import { HubError } from "@chinese-clip/pipeline";
import { claimError, type FileClaim } from "./file-claim.js";
import { networkError, requestRange } from "./http-range.js";
import type { RemoteContext } from "./remote-file.js";

/** Configurations, vocabularies and tokenizers are far smaller. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** Texts that are to be kept only if they pass. */
export interface RemoteTextOptions {
  /** Called before a request. */
  readonly onRequest?: () => void;
  /** Whether a text is what was asked for; another one is not kept. Default: any is. */
  readonly accepts?: (text: string) => boolean;
  /** What the file should be. */
  readonly claim?: Promise<FileClaim | undefined> | undefined;
}

/**
 * A text file, from what is kept or from the server.
 *
 * @returns undefined where the server has no such file, or one that was not accepted.
 * @throws HubError - as requests do; `integrity`: it is not what it should be.
 */
export async function fetchText(
  url: string,
  { kept, client, signal }: RemoteContext,
  { onRequest, accepts = () => true, claim }: RemoteTextOptions = {},
): Promise<string | undefined> {
  const facts = await kept?.facts(url);
  const known = facts?.size === undefined ? undefined : await kept?.read(url, { start: 0, end: facts.size });
  if (known !== undefined) {
    const { sha256 } = (await claim) ?? {};
    if (sha256 === undefined || sha256 === facts?.sha256) return new TextDecoder().decode(known);
    await kept?.forget(url);
  }
  onRequest?.();
  const answer = await requestRange(client, url, undefined, signal);
  if (answer === undefined) return undefined;
  if ((answer.size ?? 0) > MAX_TEXT_BYTES) {
    await answer.body.cancel();
    throw new HubError("integrity", `${url}: expected at most ${MAX_TEXT_BYTES} bytes, got ${answer.size}`, { url });
  }
  const bytes = await new Response(answer.body).arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    (cause: unknown) => {
      signal?.throwIfAborted();
      throw networkError(url, cause);
    },
  );
  const { size = bytes.length, sha256 } = (await claim) ?? {};
  if (size !== bytes.length) throw claimError(url, "bytes", size, bytes.length);
  if (sha256 !== undefined) {
    const actual = (await import("./sha256.js")).sha256Hex(bytes);
    if (actual !== sha256) throw claimError(url, "sha256", sha256, actual);
  }
  const text = new TextDecoder().decode(bytes);
  if (!accepts(text)) return undefined;
  // In this order: facts without bytes would be asked for again, bytes without facts never be found.
  await kept?.keep(url, { start: 0, end: bytes.length }, bytes);
  await kept?.keepFacts(url, { size: bytes.length, version: answer.version, sha256 });
  return text;
}
