/** Rows of a Parquet file, wherever it is: its footer and the columns that are asked for are read, and decoded in a process of its own. */
import { existsSync } from "node:fs";
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ByteFile, readBytes } from "../bytes/byte-file.js";
import { DatasetError, shown } from "../dataset-error.js";
import type { ParquetAnswer, ParquetColumn, ParquetRequest } from "./parquet-messages.js";

/** What decoding may cost. */
export interface ParquetLimits {
  /** Bytes of the footer, and of the columns of a row group, at most. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** Milliseconds that the process may compute without an answer. Default 60,000. */
  readonly milliseconds?: number | undefined;
}

/** A row; strings of a column without an annotation, and images, are bytes. */
export type ParquetRow = Readonly<Record<string, unknown>>;

/** An open file. */
export interface ParquetReader {
  /** Rows of each row group. */
  readonly groups: readonly number[];
  /** Its columns. */
  readonly columns: readonly ParquetColumn[];
  /** Rows of the file from one to another. */
  rows(from: number, to: number, columns: readonly string[]): AsyncGenerator<ParquetRow, void, undefined>;
}

/** MiB of objects in the process. */
const HEAP_MB = 1024;

/**
 * A process that decodes files, one after the other. It starts with the first, and again after one that it failed at: what a damaged file left of it is
 * not used for the next.
 */
export class ParquetDecoder implements Disposable {
  readonly #maxBytes: number;
  readonly #milliseconds: number;
  #child: ChildProcess | undefined;

  constructor({ maxBytes = 2 ** 30, milliseconds = 60_000 }: ParquetLimits = {}) {
    this.#maxBytes = maxBytes;
    this.#milliseconds = milliseconds;
  }

  /**
   * Opens a file and reads its footer; the one before is closed by that.
   *
   * @throws DatasetError - `invalid-parquet`; what reading throws. So do a reader's rows.
   */
  async open(file: ByteFile, signal?: AbortSignal): Promise<ParquetReader> {
    const maxBytes = this.#maxBytes;
    const opened = await this.#ask({ type: "open", byteLength: await file.size({ signal }), maxBytes }, file, signal);
    if (opened.type !== "opened") throw new TypeError(`a process that decodes Parquet answered open with ${opened.type}`);
    const { groups, columns } = opened;
    const ask = (request: ParquetRequest): Promise<ParquetAnswer> => this.#ask(request, file, signal);
    return {
      groups,
      columns,
      async *rows(from, to, names) {
        let first = 0;
        for (const count of groups) {
          const [start, end] = [Math.max(from, first), Math.min(to, first + count)];
          first += count;
          if (start >= end) continue;
          await ask({ type: "select", from: start, to: end, columns: names, maxBytes });
          for (;;) {
            const answer = await ask({ type: "next" });
            if (answer.type !== "rows" || answer.rows.length === 0) break;
            yield* answer.rows;
          }
        }
      },
    };
  }

  /** Ends the process. */
  [Symbol.dispose](): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  /** Asks the process, and gives it the bytes of the file that it needs for its answer. */
  async #ask(request: ParquetRequest, file: ByteFile, signal: AbortSignal | undefined): Promise<ParquetAnswer> {
    signal?.throwIfAborted(); // an abort between two questions has no listener
    const child = (this.#child ??= startProcess());
    const invalid = (reason: string, cause?: unknown): DatasetError =>
      new DatasetError("invalid-parquet", { reason: shown(reason), file: file.label }, { cause });
    const send = (message: ParquetRequest): void => {
      child.send(message, () => undefined); // one that is gone says so by its exit
    };
    let timer: NodeJS.Timeout | undefined;
    const listeners = new AbortController();
    try {
      return await new Promise((resolve, reject) => {
        const compute = (message: ParquetRequest): void => {
          timer = setTimeout(() => reject(invalid(`decoding it took more than ${this.#milliseconds} ms`)), this.#milliseconds);
          send(message);
        };
        const onMessage = (message: unknown): void => {
          const answer = message as ParquetAnswer;
          clearTimeout(timer);
          if (answer.type === "error") return reject(invalid(answer.message));
          if (answer.type !== "read") return resolve(answer);
          readBytes(file, this.#maxBytes, { start: answer.start, end: answer.end, signal }).then((bytes) => {
            if (bytes.length < answer.end - answer.start) reject(invalid(`it ends at byte ${answer.start + bytes.length}`));
            else compute({ type: "bytes", id: answer.id, bytes });
          }, reject);
        };
        const onError = (error: Error): void => reject(invalid(error.message, error));
        const onExit = (code: number | null, cause: string | null): void =>
          reject(invalid(`decoding it ended its process: ${cause ?? `exit code ${code}`}`));
        child.on("message", onMessage).on("error", onError).on("exit", onExit);
        listeners.signal.addEventListener("abort", () => child.off("message", onMessage).off("error", onError).off("exit", onExit));
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { signal: listeners.signal });
        compute(request);
      });
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    } finally {
      clearTimeout(timer);
      listeners.abort();
    }
  }
}

function startProcess(): ChildProcess {
  return fork(fileURLToPath(processUrl()), {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    env: {},
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}

/** Beside this file once it is built; the tests read the sources, and find the built file. */
function processUrl(): URL {
  const built = new URL("./parquet-process.js", import.meta.url);
  return existsSync(built) ? built : new URL("../../dist/parquet-process.js", import.meta.url);
}
