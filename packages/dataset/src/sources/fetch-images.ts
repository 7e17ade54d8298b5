/** Images behind URLs or in a bucket, several on their way at a time, given in the order of the list. */
import { setMaxListeners } from "node:events";
import type { ByteFile } from "../bytes/byte-file.js";
import { readBytes } from "../bytes/byte-file.js";
import type { NetworkOptions } from "../bytes/resumed.js";
import { DatasetError } from "../dataset-error.js";
import type { SourceItem, SourceSample } from "./source.js";

/** How images are fetched. */
export interface FetchOptions {
  /** Images on their way at a time. Default 16. */
  readonly concurrency?: number | undefined;
  /** Milliseconds for one image, with its repeated attempts. Default 60,000. */
  readonly imageMilliseconds?: number | undefined;
}

/** Many of a million URLs are dead: each is tried twice, and given up sooner than a file that a whole shard is in. */
export const IMAGE_NETWORK: NetworkOptions = { attempts: 2, stallMilliseconds: 10_000 };

/** An item whose image is still to be fetched, or one that is ready. */
export type PendingItem = { readonly sample: Omit<SourceSample, "image">; readonly file: ByteFile } | SourceItem;

/**
 * Fetches the images of items.
 *
 * @param maxBytes - of an image.
 */
export async function* fetchImages(
  items: AsyncIterable<PendingItem>,
  maxBytes: number,
  { concurrency = 16, imageMilliseconds = 60_000 }: FetchOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceItem, void, undefined> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal); // one for each image on its way
  const abort = (): void => stop.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", abort);
  const fetch = async (item: PendingItem): Promise<SourceItem> => {
    if (!("file" in item)) return item;
    const late = new AbortController();
    const onStop = (): void => late.abort(stop.signal.reason);
    stop.signal.addEventListener("abort", onStop);
    const { label } = item.file;
    const timer = setTimeout(() => {
      late.abort(new DatasetError("unreachable", { reason: `not within ${imageMilliseconds} ms`, file: label }));
    }, imageMilliseconds);
    try {
      return { ...item.sample, image: await readBytes(item.file, maxBytes, { signal: late.signal }) };
    } catch (error) {
      stop.signal.throwIfAborted();
      if (error instanceof DatasetError) return { key: item.sample.key, error };
      throw error;
    } finally {
      clearTimeout(timer);
      stop.signal.removeEventListener("abort", onStop);
    }
  };
  const waiting: Promise<SourceItem>[] = [];
  try {
    for await (const item of items) {
      const fetching = fetch(item);
      fetching.catch(() => undefined); // it is awaited in its turn
      waiting.push(fetching);
      if (waiting.length >= concurrency) yield await (waiting.shift() as Promise<SourceItem>);
    }
    for (const fetching of waiting) yield await fetching;
  } finally {
    signal?.removeEventListener("abort", abort);
    stop.abort(new DOMException("The items are not wanted any more.", "AbortError"));
    await Promise.allSettled(waiting);
  }
}
