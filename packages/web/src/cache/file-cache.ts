/**
 * Downloaded files in the browser's Cache API: for each file its facts (size, version, hash), and any number of segments, so that a partial
 * download is cached as well as a whole file. A segment is written as one entry: whole or not at all.
 *
 * There is no cache where there is no Cache API: on pages that are neither https nor localhost.
 */
import { HubError } from "@chinese-clip/pipeline";
import { type ByteRange } from "../http/byte-ranges.js";
import { parseExpectedFile } from "../http/expected-file.js";

/** The cache's name; it changes when the format of its entries does. */
const CACHE = "chinese-clip-1";
/** Keys are addresses of the page's own origin that nothing is ever fetched from. */
const PREFIX = "/.chinese-clip/";

/** What is known about a file. Without a size the server has no file of that name. */
export interface FileFacts {
  /** Bytes of the whole file. */
  readonly size: number | undefined;
  /** The server's name for this version (`ETag` or `Last-Modified`), or undefined where it gave none. It is no hash of the content. */
  readonly version: string | undefined;
  /** The expected SHA-256, where it is known. */
  readonly sha256?: string | undefined;
  /** Whether the whole file is cached and its SHA-256 was found equal. */
  readonly isChecked?: boolean | undefined;
}

/** This origin's cached files, by address. */
export class FileCache {
  readonly #cache: Cache;

  private constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** Undefined where the browser has no storage for this page. */
  static async open(): Promise<FileCache | undefined> {
    if (globalThis.caches === undefined) return undefined;
    try {
      return new FileCache(await caches.open(CACHE));
    } catch {
      return undefined; // storage may be switched off
    }
  }

  /** What is known about the file at an address. */
  async facts(url: string): Promise<FileFacts | undefined> {
    const found = await this.#cache.match(cacheKey(url, "facts"));
    if (found === undefined) return undefined;
    const json: unknown = await found.json();
    const { size, version, sha256, isChecked } = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
    return {
      ...parseExpectedFile(size, sha256),
      version: typeof version === "string" ? version : undefined,
      isChecked: isChecked === true,
    };
  }

  /** Stores what is known about a file. */
  async putFacts(url: string, facts: FileFacts): Promise<void> {
    await this.#put(url, cacheKey(url, "facts"), JSON.stringify(facts), 0);
  }

  /** The cached segments of a file, by their first byte. */
  async segments(url: string): Promise<ByteRange[]> {
    const keys = await this.#cache.keys(cacheKey(url, ""), { ignoreSearch: true });
    return keys
      .flatMap(({ url: key }) => {
        const range = /\?(\d+)-(\d+)$/u.exec(key);
        return range === null ? [] : [{ start: Number(range[1]), end: Number(range[2]) }];
      })
      .sort((a, b) => a.start - b.start);
  }

  /** A segment's bytes; undefined where the browser has evicted it. */
  async read(url: string, { start, end }: ByteRange): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await this.#cache.match(cacheKey(url, `${start}-${end}`));
    const bytes = found === undefined ? undefined : new Uint8Array(await found.arrayBuffer());
    return bytes?.length === end - start ? bytes : undefined;
  }

  /**
   * Stores a segment.
   *
   * @throws HubError - `disk`: the browser grants no more room.
   */
  async put(url: string, { start, end }: ByteRange, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#put(url, cacheKey(url, `${start}-${end}`), bytes, end - start);
  }

  /** Removes a file. */
  async remove(url: string): Promise<void> {
    for (const key of await this.#cache.keys(cacheKey(url, ""), { ignoreSearch: true })) {
      await this.#cache.delete(key);
    }
  }

  /** Removes every file whose address begins with `urlPrefix`. @returns the number of entries removed. */
  async clear(urlPrefix: string): Promise<number> {
    const path = new URL(PREFIX + encodeURIComponent(urlPrefix), location.origin).href;
    const keys = (await this.#cache.keys()).filter(({ url }) => url.startsWith(path));
    await Promise.all(keys.map((key) => this.#cache.delete(key)));
    return keys.length;
  }

  /** Runs `work` while no other tab, and no other call in this one, holds the lock of this name. */
  async withLock<Result>(name: string, signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    if (globalThis.navigator?.locks === undefined) return work();
    return navigator.locks.request(`chinese-clip ${name}`, signal === undefined ? {} : { signal }, work) as Promise<Result>;
  }

  async #put(url: string, key: string, body: string | Uint8Array<ArrayBuffer>, byteLength: number): Promise<void> {
    try {
      await this.#cache.put(key, new Response(body));
    } catch (cause) {
      throw isQuotaExceeded(cause) ? await quotaError(url, byteLength, cause) : cause;
    }
  }
}

/** The entry of one part of a file: its `facts`, or a segment `start-end`; with part `""` the address that all of them share. */
export function cacheKey(url: string, part: string): string {
  return new URL(`${PREFIX}${encodeURIComponent(url)}${part === "" ? "" : `?${part}`}`, location.origin).href;
}

/** Whether storage is full. By name: `QuotaExceededError` is becoming a class of its own, no longer a `DOMException` of that name. */
export function isQuotaExceeded(error: unknown): boolean {
  return typeof error === "object" && error !== null && "name" in error && error.name === "QuotaExceededError";
}

async function quotaError(url: string, byteLength: number, cause: unknown): Promise<HubError> {
  const { usage, quota } = (await globalThis.navigator?.storage?.estimate?.()) ?? {};
  const room = usage === undefined || quota === undefined ? "" : ` It uses ${megabytes(usage)} of ${megabytes(quota)}.`;
  return new HubError(
    "disk",
    `${url}: the browser grants this site no more storage for the model.${room} Free some with clearCache() or by emptying the disk, ` +
      "ask for more with navigator.storage.persist(), or load without the cache: { cache: false }",
    { url, byteLength, usage, quota },
    { cause },
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
