/**
 * What this page has of a remote file: its facts, and the segments that have come; in the browser's cache, or, without one, in memory.
 */
import { HubError } from "@chinese-clip/pipeline";
import type { ByteRange } from "../http/byte-ranges.js";
import { type ExpectedFile, mismatchError } from "../http/expected-file.js";
import type { HttpAnswer } from "../http/request-range.js";
import type { FileCache, FileFacts } from "./file-cache.js";

/** The copy of one file. */
export class FileCopy {
  readonly #url: string;
  readonly #cache: FileCache | undefined;
  readonly #expected: ExpectedFile | undefined;
  /** Segments of a file that is not cached, for later reads, such as those of its header. */
  readonly #recent: { readonly start: number; readonly bytes: Uint8Array }[] = [];
  #facts: FileFacts = { size: undefined, version: undefined };

  /** @param expected - what the file should be; a copy of another file is removed. */
  constructor(url: string, cache: FileCache | undefined, expected: ExpectedFile | undefined) {
    this.#url = url;
    this.#cache = cache;
    this.#expected = expected;
  }

  /** What is known about the file. */
  get facts(): FileFacts {
    return this.#facts;
  }

  /** Takes the facts from the cache. @returns whether it has the file that is expected. */
  async recall(): Promise<boolean> {
    const known = await this.#cache?.facts(this.#url);
    if (known?.size === undefined) return false;
    const { size = known.size, sha256 = known.sha256 } = this.#expected ?? {};
    const isSame = size === known.size && (known.sha256 === undefined || sha256 === known.sha256);
    if (isSame) this.#facts = { ...known, sha256 };
    else await this.remove();
    return isSame;
  }

  /** Removes all bytes; what is known about the file stays. */
  async remove(): Promise<void> {
    this.#recent.length = 0;
    await this.#cache?.remove(this.#url);
  }

  /** The segments that are there, sorted. */
  async segments(): Promise<readonly ByteRange[]> {
    return this.#cache === undefined
      ? this.#recent.map(({ start, bytes }) => ({ start, end: start + bytes.length })).sort((a, b) => a.start - b.start)
      : this.#cache.segments(this.#url);
  }

  /** The bytes of one of {@link FileCopy.segments}; undefined where the browser has evicted it. */
  async read(segment: ByteRange): Promise<Uint8Array | undefined> {
    return this.#cache === undefined
      ? this.#recent.find(({ start }) => start === segment.start)?.bytes
      : this.#cache.read(this.#url, segment);
  }

  /** Stores a segment. @param inMemory - whether to have it also where there is no cache. */
  async put(start: number, bytes: Uint8Array<ArrayBuffer>, inMemory: boolean): Promise<void> {
    await this.#cache?.put(this.#url, { start, end: start + bytes.length }, bytes);
    if (this.#cache === undefined && inMemory) this.#recent.push({ start, bytes });
  }

  /** Remembers that the whole file's SHA-256 is the expected one. */
  async markChecked(): Promise<void> {
    this.#facts = { ...this.#facts, isChecked: true };
    await this.#cache?.putFacts(this.#url, this.#facts);
  }

  /**
   * Checks that a response is of the same version as what is there, and the file that is expected; of the first one, takes its facts.
   *
   * @param findSize - asked where neither the response nor an earlier one says the file's size.
   * @throws HubError - `integrity`: another version, another size, no size.
   */
  async accept({ size: said, version, sha256 }: HttpAnswer, findSize: () => Promise<number | undefined>): Promise<number> {
    const { size, version: before } = this.#facts;
    if ((said !== undefined && size !== undefined && said !== size) || (before !== undefined && version !== before)) {
      await this.remove();
      throw new HubError(
        "integrity",
        `${this.#url}: the file has changed on the server since its first bytes were fetched. Its cached bytes are removed; load the model again`,
        { url: this.#url, expected: before ?? size, actual: version ?? said },
      );
    }
    if (size !== undefined && (before !== undefined || version === undefined)) return size;
    const found = size ?? said ?? (await findSize());
    if (found === undefined)
      throw new HubError(
        "integrity",
        `${this.#url}: expected the server to send the file's size, in Content-Length or Content-Range, got none`,
        { url: this.#url },
      );
    const expected = this.#expected;
    if (expected?.size !== undefined && found !== expected.size) throw mismatchError(this.#url, "bytes", expected.size, found);
    this.#facts = { size: found, version, sha256: expected?.sha256 ?? sha256 };
    await this.#cache?.putFacts(this.#url, this.#facts);
    return found;
  }
}
