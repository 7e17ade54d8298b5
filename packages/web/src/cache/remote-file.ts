/**
 * A file over HTTP of which only the wanted ranges are downloaded, and, where the browser has a cache, only once: not again after a reload, in
 * another tab, or when a connection breaks.
 *
 * Where its SHA-256 is known, it is compared as soon as the whole file is there, however many visits that took. A part of a file has no hash of
 * its own: it is checked against the file's size and the server's name for this version.
 */
import { HubError } from "@chinese-clip/pipeline";
import { byteCount, type ByteRange, type ByteSink, coalesce, copyInto, intersect, subtract } from "../http/byte-ranges.js";
import { download } from "../http/download.js";
import { type ExpectedFile, mismatchError } from "../http/expected-file.js";
import { type HttpAnswer, type HttpClient, requestSize } from "../http/request-range.js";
import type { FileCache } from "./file-cache.js";
import { FileCopy } from "./file-copy.js";
import { SegmentWriter } from "./segment-writer.js";

/** What all files of a load share. */
export interface RemoteContext {
  readonly client: HttpClient;
  /** Undefined: nothing is cached. */
  readonly cache: FileCache | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Told of bytes `[start, position)` that have arrived and are no segment yet. */
type Arrival = (start: number, position: number) => void;

/** Bytes of the first request: the whole header of the published checkpoints, or, of a tiny one, also its weights. */
const HEAD_BYTES = 1 << 15;
/** Ranges this close are one request: a gap costs less than a request. */
const GAP_BYTES = 1 << 12;
/** A file of which at most this share is not wanted is fetched whole: then it can be checked. */
const SPARE_SHARE = 0.01;

/** One file at one address. */
export class RemoteFile {
  readonly url: string;
  readonly #context: RemoteContext;
  readonly #copy: FileCopy;
  /** Whether the server sends the whole file or nothing. */
  #isWholeOnly = false;

  private constructor(url: string, context: RemoteContext, expected: ExpectedFile | undefined) {
    this.url = url;
    this.#context = context;
    this.#copy = new FileCopy(url, context.cache, expected);
  }

  /**
   * Finds the size of a file, by its first bytes, which are then there.
   *
   * @param expected - what the file should be; a cached copy of another file is removed.
   * @returns undefined where there is no such file.
   * @throws HubError - as requests do; `integrity`: the size is not known, or not the expected one.
   */
  static async open(url: string, context: RemoteContext, expected?: ExpectedFile): Promise<RemoteFile | undefined> {
    const file = new RemoteFile(url, context, expected);
    return (await file.#copy.recall()) || (await file.#locked(() => file.#fetchHead())) ? file : undefined;
  }

  /** Bytes of the whole file. */
  get byteLength(): number {
    return this.#copy.facts.size ?? 0;
  }

  /** What tells this version of the file from others, as far as it is known: its SHA-256, or the server's name for it. */
  get version(): string | undefined {
    return this.#copy.facts.sha256 ?? this.#copy.facts.version;
  }

  /** The bytes `[start, end)`. */
  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start);
    await this.readRanges([{ start, end }], (at, part) => copyInto(bytes, start, at, part));
    return bytes;
  }

  /**
   * Reads ranges, in any order, some bytes maybe twice: cached bytes from the cache, the others as they arrive.
   *
   * @param onBytes - called with how many of the wanted bytes have been read.
   * @throws HubError - as requests do; `integrity`: the whole file is there, and is not the expected one.
   */
  async readRanges(ranges: readonly ByteRange[], sink: ByteSink, onBytes?: (loaded: number, total: number) => void): Promise<void> {
    const { facts } = this.#copy;
    const parts = coalesce(ranges, GAP_BYTES);
    const isChecked = facts.sha256 === undefined || facts.isChecked === true || !(await this.#isNearlyWhole(parts));
    const wanted = isChecked ? parts : [{ start: 0, end: this.byteLength }];
    const total = byteCount(wanted);
    const bytesOf = (start: number, end: number): number => byteCount(intersect(wanted, { start, end }));
    let [taken, told] = [0, 0];
    const tell = (loaded: number): void => {
      // A connection that breaks may bring bytes a second time.
      if (Math.min(loaded, total) <= told) return;
      told = Math.min(loaded, total);
      onBytes?.(told, total);
    };
    const report: ByteSink = (start, bytes) => {
      taken += bytesOf(start, start + bytes.length);
      sink(start, bytes);
      tell(taken);
    };
    // Segments are megabytes: on a slow line, many seconds.
    const onArrival: Arrival = (start, position) => tell(taken + bytesOf(start, position));
    if (!isChecked) return this.#locked(() => this.#readWhole(report, onArrival));
    const missing = await this.#readCached(wanted, report);
    if (missing.length === 0) return;
    // The browser has evicted a segment: its replacement is checked like the first one.
    if (facts.isChecked === true) return this.#locked(() => this.#readWhole(report, onArrival));
    await this.#locked(async () => {
      // While this tab waited, another one may have fetched them.
      const left = await this.#readCached(missing, report);
      // Small cached pieces, such as the headers between an ONNX file's weights, are no reason to split a request.
      for (const range of coalesce(left, GAP_BYTES)) {
        if (!(await this.#fetch(range, report, onArrival))) throw this.#goneError();
      }
    });
  }

  /** Without a cache there is nothing to wait for. */
  #locked<Result>(work: () => Promise<Result>): Promise<Result> {
    const { cache, signal } = this.#context;
    return cache === undefined ? work() : cache.withLock(this.url, signal, work);
  }

  /** @returns which of the wanted bytes are not cached. */
  async #readCached(wanted: readonly ByteRange[], sink: ByteSink): Promise<ByteRange[]> {
    const present: ByteRange[] = [];
    for (const segment of await this.#copy.segments()) {
      if (intersect(subtract(wanted, coalesce(present, 0)), segment).length === 0) continue;
      const bytes = await this.#segment(segment);
      if (bytes === undefined) continue;
      sink(segment.start, bytes);
      present.push(segment);
    }
    return subtract(wanted, coalesce(present, 0));
  }

  /** Reads the whole file in order and compares its hash. */
  async #readWhole(sink: ByteSink, onArrival: Arrival): Promise<void> {
    const { readHashed } = await import("./hashed-read.js"); // not needed where no hash is known
    const actual = await readHashed(
      this.byteLength,
      await this.#copy.segments(),
      (segment) => this.#segment(segment),
      async (range, hashed) => {
        if (!(await this.#fetch(range, hashed, onArrival))) throw this.#goneError();
      },
      sink,
    );
    const { sha256 } = this.#copy.facts;
    if (sha256 !== undefined && actual !== sha256) {
      await this.#copy.remove();
      throw mismatchError(this.url, "sha256", sha256, actual);
    }
    await this.#copy.markChecked();
  }

  /** Whether the file is whole, or nearly, with these ranges and the cached ones. */
  async #isNearlyWhole(wanted: readonly ByteRange[]): Promise<boolean> {
    const there = coalesce([...(await this.#copy.segments()), ...wanted], 0);
    return this.byteLength - byteCount(there) <= this.byteLength * SPARE_SHARE;
  }

  async #segment(segment: ByteRange): Promise<Uint8Array | undefined> {
    this.#context.signal?.throwIfAborted();
    return this.#copy.read(segment);
  }

  /** @returns false where there is no such file. */
  async #fetchHead(): Promise<boolean> {
    // While this tab waited, another one may have.
    if (await this.#copy.recall()) return true;
    // Segments without facts are of an unknown version, such as what a closed page left.
    await this.#copy.remove();
    return this.#fetch({ start: 0, end: HEAD_BYTES }, () => undefined);
  }

  /**
   * Downloads a range, and caches what arrives also when the download fails later on.
   *
   * @param onArrival - told of bytes before they make a segment.
   * @returns false where there is no such file.
   */
  async #fetch(range: ByteRange, sink: ByteSink, onArrival?: Arrival): Promise<boolean> {
    const { client, signal } = this.#context;
    const copy = this.#copy;
    const segments = new SegmentWriter(range.start, async (start, bytes) => {
      await copy.put(start, bytes, this.#isWholeOnly || start < HEAD_BYTES);
      sink(start, bytes);
      ended = start + bytes.length;
    });
    let ended = range.start;
    const target = {
      get position() {
        return segments.position;
      },
      get version() {
        return copy.facts.version;
      },
      get size() {
        return copy.facts.size;
      },
      restart: (position: number) => {
        segments.restart(position);
        ended = position;
      },
      write: async (bytes: Uint8Array) => {
        await segments.write(bytes);
        onArrival?.(ended, segments.position);
      },
      accept: async (answer: HttpAnswer) => {
        const size = await copy.accept(answer, () => requestSize(client, this.url, signal));
        this.#isWholeOnly ||= answer.isWhole;
        return size;
      },
    };
    try {
      if (!(await download(client, this.url, range.end, target, signal))) return false;
    } catch (error) {
      await segments.flush().catch(() => undefined);
      throw error;
    }
    await segments.flush();
    return true;
  }

  #goneError(): HubError {
    return new HubError("not-found", `${this.url}: the file is no longer there`, { url: this.url });
  }
}
