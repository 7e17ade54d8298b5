/**
 * The size of a file whose server, being another origin's, hides what it says with a range.
 */
import type { HttpClient } from "./http-range.js";

/** Bytes of a file by asking for no more than its headers; undefined where the server does not say. */
export async function requestSize(
  { fetch, headers }: HttpClient,
  url: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const response = await fetch(url, { method: "HEAD", headers, cache: "no-store", ...(signal === undefined ? {} : { signal }) });
  const length = response.headers.get("content-length");
  return response.ok && length !== null && /^\d{1,15}$/u.test(length) ? Number(length) : undefined;
}
