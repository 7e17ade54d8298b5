/**
 * Items of an index as lines of JSON, read from the store as fast as the caller takes them: an index of a million items is never in memory as a whole.
 */
import { ServerError } from "../server-error.js";

/** Streams at a time. */
const MAX_STREAMS = 8;

/** Characters that are sent together. */
const BLOCK = 64 * 1024;

/** Milliseconds for which a caller may take nothing. */
const PATIENCE = 30_000;

/** The last line, by which a caller knows that it has all of them. */
const END = '{"end":true}\n';

/** The streams of a server. */
export class ItemStreams {
  readonly #open: Set<(reason: ServerError) => void> = new Set();

  /**
   * Begins a stream.
   *
   * @throws ServerError - `overloaded`.
   */
  open<Item>(items: AsyncIterable<Item>, describe: (item: Item) => unknown): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#open.size >= MAX_STREAMS)
      throw new ServerError("overloaded", `expected at most ${MAX_STREAMS} scans at a time`, { "retry-after": "5" });
    const iterator = items[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const release = (): void => {
      clearTimeout(timer);
      this.#open.delete(end);
    };
    let fail: (reason: ServerError) => void = () => undefined;
    const end = (reason: ServerError): void => {
      release();
      fail(reason);
      iterator.return?.().catch(() => undefined);
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => end(new ServerError("timed-out", "the caller takes nothing")), PATIENCE);
    };
    this.#open.add(end);
    wait();
    return new ReadableStream({
      start: (controller) => {
        fail = (reason) => controller.error(reason);
      },
      pull: async (controller) => {
        clearTimeout(timer);
        try {
          let text = "";
          while (text.length < BLOCK && this.#open.has(end)) {
            const step = await iterator.next();
            text += step.done === true ? END : `${JSON.stringify(describe(step.value))}\n`;
            if (step.done !== true) continue;
            release();
            controller.enqueue(encoder.encode(text));
            controller.close();
            return;
          }
          if (!this.#open.has(end)) return;
          controller.enqueue(encoder.encode(text));
          wait();
        } catch (error) {
          release();
          controller.error(error);
        }
      },
      cancel: () => {
        release();
        iterator.return?.().catch(() => undefined);
      },
    });
  }

  /** Ends all of them: the server is ending. */
  end(): void {
    for (const end of this.#open) end(new ServerError("shutting-down", "the server is ending"));
  }
}
