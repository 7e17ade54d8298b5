/**
 * A file over HTTP of which only what is asked for is fetched, and, where the browser keeps things, never twice: not after a reload, not in
 * another tab, and not what came before a connection broke.
 *
 * Where its sha256 is known it is compared as soon as all of the file is there, whenever and in whichever order that came. A part of a file has
 * no hash of its own: it is held to the file's size and to what the server calls this version of it.
 */
import { HubError } from "@chinese-clip/pipeline";
import { byteCount, type ByteRange, coalesce, copyInto, intersect, subtract } from "./byte-ranges.js";
import { claimError, type FileClaim } from "./file-claim.js";
import { type HttpAnswer, type HttpClient, networkError, requestRange } from "./http-range.js";
import type { KeptFacts, KeptFiles } from "./kept-files.js";
import { SegmentWriter } from "./segment-writer.js";
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
/** Ranges this close are one request: a gap costs less than a request. */
const GAP_BYTES = 1 << 12;
/** A file of which no more than this share is not wanted is fetched whole: then it can be checked. */
const SPARE_SHARE = 0.01;
const ATTEMPTS = 5;
/** Milliseconds before the second attempt; doubled for each further one. */
const RETRY_MS = 200;

/** One file at one address. */
export class RemoteFile {
  readonly url: string;
  readonly #context: RemoteContext;
  readonly #claim: FileClaim | undefined;
  #facts: KeptFacts = { size: undefined, version: undefined };
  /** Whether the server gives the whole file or nothing. */
  #keepsAll = false;
  /** Of a file that is not kept: what has come, for reads that follow, such as those of a header. */
  readonly #recent: { readonly start: number; readonly bytes: Uint8Array }[] = [];

  private constructor(url: string, context: RemoteContext, claim: FileClaim | undefined) {
    this.url = url;
    this.#context = context;
    this.#claim = claim;
  }

  /**
   * Finds out how large a file is; by its first bytes, which are then there.
   *
   * @param claim - what the file should be; of what is kept, another file is forgotten.
   * @returns undefined where there is no such file.
   * @throws HubError - as requests do; `integrity`: the size is not known, or not what it should be.
   */
  static async open(url: string, context: RemoteContext, claim?: FileClaim): Promise<RemoteFile | undefined> {
    const file = new RemoteFile(url, context, claim);
    return (await file.#recall()) || (await file.#locked(() => file.#fetchHead())) ? file : undefined;
  }

  /** Bytes of the whole file. */
  get byteLength(): number {
    return this.#facts.size ?? 0;
  }

  /** What tells this version of the file from others, as far as anybody says: its sha256, or the server's name for it. */
  get version(): string | undefined {
    return this.#facts.sha256 ?? this.#facts.version;
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
   * @throws HubError - as requests do; `integrity`: the whole file is there, and is not what it should be.
   */
  async deliver(ranges: readonly ByteRange[], sink: ByteSink, onBytes?: (loaded: number, total: number) => void): Promise<void> {
    const parts = coalesce(ranges, GAP_BYTES);
    const isChecked = this.#facts.sha256 === undefined || this.#facts.isChecked === true || !(await this.#isNearlyWhole(parts));
    const wanted = isChecked ? parts : [{ start: 0, end: this.byteLength }];
    const total = byteCount(wanted);
    let loaded = 0;
    const report: ByteSink = (start, bytes) => {
      loaded += byteCount(intersect(wanted, { start, end: start + bytes.length }));
      sink(start, bytes);
      onBytes?.(Math.min(loaded, total), total);
    };
    if (!isChecked) return this.#locked(() => this.#deliverWhole(report));
    const missing = await this.#fillFromKept(wanted, report);
    if (missing.length === 0) return;
    // The browser has thrown a part away: what comes in its place is checked like the first time.
    if (this.#facts.isChecked === true) return this.#locked(() => this.#deliverWhole(report));
    await this.#locked(async () => {
      // While this tab waited, another one may have fetched them.
      const left = await this.#fillFromKept(missing, report);
      // Crumbs that are there, such as the headers between an ONNX file's weights, are no reason for a request on either side.
      for (const range of coalesce(left, GAP_BYTES)) await this.#fetch(range, report);
    });
  }

  /** While nothing is kept there is nothing to wait for. */
  #locked<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#context.kept === undefined ? work() : withLock(this.url, this.#context.signal, work);
  }

  /** @returns what of the wanted is not kept. */
  async #fillFromKept(wanted: readonly ByteRange[], sink: ByteSink): Promise<ByteRange[]> {
    const present: ByteRange[] = [];
    for (const segment of await this.#segments()) {
      if (intersect(subtract(wanted, coalesce(present, 0)), segment).length === 0) continue;
      const bytes = await this.#segment(segment);
      if (bytes === undefined) continue;
      sink(segment.start, bytes);
      present.push(segment);
    }
    return subtract(wanted, coalesce(present, 0));
  }

  /** Hands out the whole file in its order, what is kept from there, and compares its hash. */
  async #deliverWhole(sink: ByteSink): Promise<void> {
    const { deliverHashed } = await import("./sha256.js"); // nobody needs it whose files say no hash
    const actual = await deliverHashed(
      this.byteLength,
      await this.#segments(),
      (segment) => this.#segment(segment),
      (range, hashed) => this.#fetch(range, hashed),
      sink,
    );
    const { sha256 } = this.#facts;
    if (sha256 !== undefined && actual !== sha256) {
      await this.#forget();
      throw claimError(this.url, "sha256", sha256, actual);
    }
    this.#facts = { ...this.#facts, isChecked: true };
    await this.#context.kept?.keepFacts(this.url, this.#facts);
  }

  /** Whether the file is whole, or nearly, with these ranges and with what is there. */
  async #isNearlyWhole(wanted: readonly ByteRange[]): Promise<boolean> {
    const there = coalesce([...(await this.#segments()), ...wanted], 0);
    return this.byteLength - byteCount(there) <= this.byteLength * SPARE_SHARE;
  }

  /** What is there of the file, in its order. */
  async #segments(): Promise<readonly ByteRange[]> {
    const { kept } = this.#context;
    return kept === undefined ? this.#recent.map(({ start, bytes }) => ({ start, end: start + bytes.length })) : kept.segments(this.url);
  }

  /** The bytes of one of {@link RemoteFile.#segments}; undefined where the browser has thrown it away. */
  async #segment(segment: ByteRange): Promise<Uint8Array | undefined> {
    this.#context.signal?.throwIfAborted();
    const { kept } = this.#context;
    return kept === undefined ? this.#recent.find(({ start }) => start === segment.start)?.bytes : kept.read(this.url, segment);
  }

  /** Takes up what is known about the file. @returns whether that is anything. */
  async #recall(): Promise<boolean> {
    const known = await this.#context.kept?.facts(this.url);
    if (known?.size === undefined) return false;
    const { size = known.size, sha256 = known.sha256 } = this.#claim ?? {};
    const isSame = size === known.size && (known.sha256 === undefined || sha256 === known.sha256);
    if (isSame) this.#facts = { ...known, sha256 };
    else await this.#forget();
    return isSame;
  }

  async #forget(): Promise<void> {
    this.#recent.length = 0;
    await this.#context.kept?.forget(this.url);
  }

  /** @returns false where there is no such file. */
  async #fetchHead(): Promise<boolean> {
    const { client, signal } = this.#context;
    // While this tab waited, another one may have.
    if (await this.#recall()) return true;
    // Bytes of nobody knows which version, such as what a closed page left.
    await this.#forget();
    return this.#fetch(
      { start: 0, end: HEAD_BYTES },
      () => undefined,
      async (size) => {
        const found = size ?? (await (await import("./request-size.js")).requestSize(client, this.url, signal));
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
          await this.#settle(answer, settleSize);
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

  /** Refuses an answer that is of another version of the file, or of another file than it should be. */
  async #settle(
    { size: said, version, sha256 }: HttpAnswer,
    settleSize: ((said: number | undefined) => Promise<number>) | undefined,
  ): Promise<void> {
    const { size, version: before } = this.#facts;
    const isChanged =
      (said !== undefined && size !== undefined && said !== size) || (version !== undefined && before !== undefined && version !== before);
    if (isChanged) {
      await this.#forget();
      throw new HubError(
        "integrity",
        `${this.url}: the file has changed on the server since its first bytes were fetched. What was kept of it is removed: load the model again`,
        { url: this.url, expected: before ?? size, actual: version ?? said },
      );
    }
    if (size !== undefined && (before !== undefined || version === undefined)) return;
    const found = size ?? (await settleSize?.(said));
    const claim = this.#claim;
    if (claim?.size !== undefined && found !== undefined && found !== claim.size) throw claimError(this.url, "bytes", claim.size, found);
    this.#facts = { size: found, version, sha256: claim?.sha256 ?? sha256 };
    await this.#context.kept?.keepFacts(this.url, this.#facts);
  }

  async #keep(start: number, bytes: Uint8Array<ArrayBuffer>, sink: ByteSink): Promise<void> {
    await this.#context.kept?.keep(this.url, { start, end: start + bytes.length }, bytes);
    if (this.#context.kept === undefined && (this.#keepsAll || start < HEAD_BYTES)) this.#recent.push({ start, bytes });
    sink(start, bytes);
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
