/**
 * A file over HTTP of which only what is asked for is fetched, and, where the browser keeps things, never twice: not after a reload, not in
 * another tab, and not what came before a connection broke.
 */
import { HubError } from "@chinese-clip/pipeline";
import { byteCount, type ByteRange, coalesce, copyInto, intersect, subtract } from "./byte-ranges.js";
import { type HttpClient, networkError, requestRange, requestSize } from "./http-range.js";
import type { KeptFacts, KeptFiles } from "./kept-files.js";
import { withLock } from "./tab-lock.js";

/** What all files of a load have in common. */
export interface RemoteContext {
  readonly client: HttpClient;
  /** Undefined: nothing is kept. */
  readonly kept: KeptFiles | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Gets the bytes of `[start, start + bytes.length)`. */
export type ByteSink = (start: number, bytes: Uint8Array) => void;

/** The first read brings this much: the whole header of the published checkpoints, or of a tiny one also its weights. */
const HEAD_BYTES = 1 << 15;
/** Bytes that are kept together: what a closed page loses at most. */
const SEGMENT_BYTES = 1 << 22;
/** Ranges this close are one request: a gap costs less than a request. */
const GAP_BYTES = 1 << 12;
const ATTEMPTS = 5;
/** Milliseconds before the second attempt; doubled for each further one. */
const RETRY_MS = 200;

/** One file at one address. */
export class RemoteFile {
  readonly url: string;
  readonly #context: RemoteContext;
  #facts: KeptFacts;
  /** Whether the server gives the whole file or nothing. */
  #keepsAll = false;
  /** Of a file that is not kept: what has come, for reads that follow, such as those of a header. */
  readonly #recent: { readonly start: number; readonly bytes: Uint8Array }[] = [];

  private constructor(url: string, context: RemoteContext, facts: KeptFacts) {
    this.url = url;
    this.#context = context;
    this.#facts = facts;
  }

  /**
   * Finds out how large a file is; by its first bytes, which are then there.
   *
   * @returns undefined where there is no such file.
   * @throws HubError - as requests do; `integrity`: the size is not known, or not what it should be.
   */
  static async open(url: string, context: RemoteContext): Promise<RemoteFile | undefined> {
    const { kept } = context;
    const known = await kept?.facts(url);
    if (known !== undefined && known.size !== undefined) return new RemoteFile(url, context, known);
    const file = new RemoteFile(url, context, { size: undefined, version: undefined });
    return (await file.#locked(() => file.#fetchHead())) ? file : undefined;
  }

  /** Bytes of the whole file. */
  get byteLength(): number {
    return this.#facts.size ?? 0;
  }

  /** The bytes `[start, end)`. */
  async read(start: number, end: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(end - start);
    await this.deliver([{ start, end }], (at, part) => copyInto(bytes, start, at, part));
    return bytes;
  }

  /**
   * Hands out all bytes of some ranges, in any order, some maybe twice: what is kept from there, the rest as it comes.
   *
   * @param onBytes - is told how many of the wanted bytes are there.
   */
  async deliver(ranges: readonly ByteRange[], sink: ByteSink, onBytes?: (loaded: number, total: number) => void): Promise<void> {
    const wanted = coalesce(ranges, GAP_BYTES);
    const total = byteCount(wanted);
    let loaded = 0;
    const report: ByteSink = (start, bytes) => {
      loaded += byteCount(intersect(wanted, { start, end: start + bytes.length }));
      sink(start, bytes);
      onBytes?.(Math.min(loaded, total), total);
    };
    const missing = await this.#fillFromKept(wanted, report);
    if (missing.length === 0) return;
    await this.#locked(async () => {
      // While this tab waited, another one may have fetched them.
      for (const range of await this.#fillFromKept(missing, report)) await this.#fetch(range, report);
    });
  }

  /** While nothing is kept there is nothing to wait for. */
  #locked<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#context.kept === undefined ? work() : withLock(this.url, this.#context.signal, work);
  }

  /** @returns what of the wanted is not kept. */
  async #fillFromKept(wanted: readonly ByteRange[], sink: ByteSink): Promise<ByteRange[]> {
    const present: ByteRange[] = [];
    for (const { start, bytes } of this.#recent) {
      const range = { start, end: start + bytes.length };
      if (intersect(wanted, range).length === 0) continue;
      sink(start, bytes);
      present.push(range);
    }
    const { kept } = this.#context;
    for (const segment of (await kept?.segments(this.url)) ?? []) {
      if (intersect(subtract(wanted, coalesce(present, 0)), segment).length === 0) continue;
      this.#context.signal?.throwIfAborted();
      const bytes = await kept?.read(this.url, segment);
      if (bytes === undefined) continue;
      sink(segment.start, bytes);
      present.push(segment);
    }
    return subtract(wanted, coalesce(present, 0));
  }

  /** @returns false where there is no such file. */
  async #fetchHead(): Promise<boolean> {
    const { kept, client, signal } = this.#context;
    const known = await kept?.facts(this.url);
    if (known?.size !== undefined) {
      this.#facts = known;
      return true;
    }
    return this.#fetch(
      { start: 0, end: HEAD_BYTES },
      () => undefined,
      async (size) => {
        const found = size ?? (await requestSize(client, this.url, signal));
        if (found === undefined)
          throw new HubError(
            "integrity",
            `${this.url}: expected the server to say how large the file is, in Content-Length or Content-Range`,
            {
              url: this.url,
            },
          );
        return found;
      },
    );
  }

  /**
   * Fetches a range, as often as it takes; what has come is kept and not asked for again.
   *
   * @param settleSize - of a file whose size is not known yet.
   * @returns false where there is no such file.
   */
  async #fetch(range: ByteRange, sink: ByteSink, settleSize?: (said: number | undefined) => Promise<number>): Promise<boolean> {
    const { signal } = this.#context;
    const segments = new SegmentWriter(range.start, (start, bytes) => this.#keep(start, bytes, sink));
    let end = range.end;
    let isWhole = false;
    try {
      for (let attempt = 1; segments.position < end;) {
        const before = segments.position;
        try {
          const answer = await requestRange(this.#context.client, this.url, { start: before, end }, signal);
          if (answer === undefined) {
            if (settleSize === undefined) throw new HubError("not-found", `${this.url}: the file is no longer there`, { url: this.url });
            return false;
          }
          await this.#settle(answer.size, answer.version, settleSize);
          // Of a server without ranges, the whole file from its beginning, all of which is kept.
          if (!isWhole && answer.isWhole) segments.restart(0);
          isWhole ||= answer.isWhole;
          this.#keepsAll ||= isWhole;
          end = isWhole ? this.byteLength : Math.min(end, this.byteLength);
          let skip = segments.position - answer.range.start;
          for await (const chunk of chunksOf(answer.body)) {
            const fresh = chunk.subarray(Math.min(skip, chunk.length));
            skip -= chunk.length - fresh.length;
            await segments.write(fresh);
          }
          if (segments.position < end) throw new TypeError("the connection was closed");
        } catch (error) {
          signal?.throwIfAborted();
          const lasting = error instanceof HubError && error.code !== "network" && error.code !== "server";
          if (segments.position > before) attempt = 1;
          if (lasting || attempt === ATTEMPTS) throw error instanceof HubError ? error : networkError(this.url, error);
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** (attempt - 1)));
          attempt++;
        }
      }
    } catch (error) {
      // The next load goes on from here.
      await segments.flush().catch(() => undefined);
      throw error;
    }
    await segments.flush();
    return true;
  }

  /** Refuses an answer that is of another version of the file. */
  async #settle(
    said: number | undefined,
    version: string | undefined,
    settleSize: ((said: number | undefined) => Promise<number>) | undefined,
  ): Promise<void> {
    const { size, version: before } = this.#facts;
    const isChanged =
      (said !== undefined && size !== undefined && said !== size) || (version !== undefined && before !== undefined && version !== before);
    if (isChanged) {
      await this.#context.kept?.forget(this.url);
      throw new HubError(
        "integrity",
        `${this.url}: the file has changed on the server since its first bytes were fetched. What was kept of it is removed: load the model again`,
        { url: this.url, expected: before ?? size, actual: version ?? said },
      );
    }
    if (size !== undefined && (before !== undefined || version === undefined)) return;
    this.#facts = { size: size ?? (await settleSize?.(said)), version };
    await this.#context.kept?.keepFacts(this.url, this.#facts);
  }

  async #keep(start: number, bytes: Uint8Array<ArrayBuffer>, sink: ByteSink): Promise<void> {
    await this.#context.kept?.keep(this.url, { start, end: start + bytes.length }, bytes);
    if (this.#context.kept === undefined && (this.#keepsAll || start < HEAD_BYTES)) this.#recent.push({ start, bytes });
    sink(start, bytes);
  }
}

/** Collects a stream into segments that end at multiples of their size. */
class SegmentWriter {
  /** The byte that comes next. */
  position: number;
  readonly #onSegment: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  #parts: Uint8Array[] = [];
  #start: number;

  constructor(start: number, onSegment: (start: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>) {
    this.position = start;
    this.#start = start;
    this.#onSegment = onSegment;
  }

  /** Goes to another place; nothing may be pending. */
  restart(position: number): void {
    this.position = position;
    this.#start = position;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const limit = (Math.floor(this.#start / SEGMENT_BYTES) + 1) * SEGMENT_BYTES;
      const part = bytes.subarray(at, at + limit - this.position);
      this.#parts.push(part);
      this.position += part.length;
      at += part.length;
      // In order: a segment that cannot be kept ends the stream.
      if (this.position === limit) await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.position === this.#start) return;
    const bytes = new Uint8Array(this.position - this.#start);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const start = this.#start;
    this.#parts = [];
    this.#start = this.position;
    await this.#onSegment(start, bytes);
  }
}

/** A stream's chunks. Not every browser's stream is iterable. */
async function* chunksOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
