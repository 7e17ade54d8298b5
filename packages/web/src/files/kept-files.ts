/**
 * What was fetched, kept for the next visit in the browser's Cache API: for each file its size and what the server called this version of it,
 * and any number of segments, so that half a file is kept as well as a whole one. A segment appears whole or not at all.
 *
 * Nothing is kept where there is no Cache API: on pages that are neither https nor localhost.
 */
import type { ByteRange } from "./byte-ranges.js";
import { parseClaim } from "./file-claim.js";

/** The cache's name, which changes when what is in it does. */
const CACHE = "chinese-clip-1";
/** Keys are addresses of the page's own origin that nothing is ever fetched from. */
const PREFIX = "/.chinese-clip/";

/** What is known about a file; without a size the server has none of that name. */
export interface KeptFacts {
  /** Bytes of the whole file. */
  readonly size: number | undefined;
  /** The server's name for this version, or undefined where it said none. */
  readonly version: string | undefined;
  /** The sha256 that the file is said to have, where anybody says. */
  readonly sha256?: string | undefined;
  /** Whether all of it is here, and has that sha256. */
  readonly isChecked?: boolean | undefined;
}

/** The kept files of this origin. */
export class KeptFiles {
  readonly #cache: Cache;

  private constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** Undefined where the browser keeps nothing. */
  static async open(): Promise<KeptFiles | undefined> {
    if (globalThis.caches === undefined) return undefined;
    try {
      return new KeptFiles(await caches.open(CACHE));
    } catch {
      return undefined; // storage may be switched off
    }
  }

  /** What is known about the file at an address. */
  async facts(url: string): Promise<KeptFacts | undefined> {
    const found = await this.#cache.match(keyOf(url, "facts"));
    if (found === undefined) return undefined;
    const json: unknown = await found.json();
    const { size, version, sha256, isChecked } = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
    return { ...parseClaim(size, sha256), version: typeof version === "string" ? version : undefined, isChecked: isChecked === true };
  }

  /** Keeps what is known about a file. */
  async keepFacts(url: string, facts: KeptFacts): Promise<void> {
    await this.#put(url, keyOf(url, "facts"), JSON.stringify(facts), 0);
  }

  /** Which segments of a file are here, by their first byte. */
  async segments(url: string): Promise<ByteRange[]> {
    const keys = await this.#cache.keys(keyOf(url, ""), { ignoreSearch: true });
    return keys
      .flatMap(({ url: key }) => {
        const range = /\?(\d+)-(\d+)$/u.exec(key);
        return range === null ? [] : [{ start: Number(range[1]), end: Number(range[2]) }];
      })
      .toSorted((a, b) => a.start - b.start);
  }

  /** A segment's bytes; undefined where it was evicted in between. */
  async read(url: string, { start, end }: ByteRange): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await this.#cache.match(keyOf(url, `${start}-${end}`));
    const bytes = found === undefined ? undefined : new Uint8Array(await found.arrayBuffer());
    return bytes?.length === end - start ? bytes : undefined;
  }

  /**
   * Keeps a segment.
   *
   * @throws HubError - `disk`: the browser grants no more room.
   */
  async keep(url: string, { start, end }: ByteRange, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#put(url, keyOf(url, `${start}-${end}`), bytes, end - start);
  }

  /** Forgets a file. */
  async forget(url: string): Promise<void> {
    for (const key of await this.#cache.keys(keyOf(url, ""), { ignoreSearch: true })) {
      await this.#cache.delete(key);
    }
  }

  /** Forgets every file whose address begins so. @returns how many entries went. */
  async clear(urlPrefix: string): Promise<number> {
    const path = new URL(PREFIX + encodeURIComponent(urlPrefix), location.origin).href;
    const keys = (await this.#cache.keys()).filter(({ url }) => url.startsWith(path));
    await Promise.all(keys.map((key) => this.#cache.delete(key)));
    return keys.length;
  }

  async #put(url: string, key: string, body: string | Uint8Array<ArrayBuffer>, byteLength: number): Promise<void> {
    try {
      await this.#cache.put(key, new Response(body));
    } catch (cause) {
      if (!(cause instanceof DOMException && cause.name === "QuotaExceededError")) throw cause;
      throw await (await import("./quota-error.js")).quotaError(url, byteLength, cause); // few disks are full
    }
  }
}

function keyOf(url: string, part: string): string {
  return new URL(`${PREFIX}${encodeURIComponent(url)}${part === "" ? "" : `?${part}`}`, location.origin).href;
}
