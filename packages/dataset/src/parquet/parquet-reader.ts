/** Rows of a Parquet file, wherever it is: its footer and the columns that are asked for are read, and decoded in a process of its own. */
import { existsSync } from "node:fs";
import { fork } from "node:child_process";
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
  /** Ends the process. */
  close(): void;
}

/** MiB of objects in the process. */
const HEAP_MB = 1024;
/** Rows that come from the process at a time. */
const ROWS_AT_ONCE = 32;

/**
 * Opens a file and reads its footer.
 *
 * @throws DatasetError - `invalid-parquet`; what reading throws.
 */
export async function openParquet(
  file: ByteFile,
  { maxBytes = 2 ** 30, milliseconds = 60_000 }: ParquetLimits,
  signal: AbortSignal | undefined,
): Promise<ParquetReader> {
  const byteLength = await file.size({ signal });
  const child = fork(fileURLToPath(processUrl()), {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    env: {},
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const invalid = (reason: string, cause?: unknown): DatasetError =>
    new DatasetError("invalid-parquet", { reason: shown(reason), file: file.label }, { cause });
  const send = (request: ParquetRequest): void => {
    child.send(request, () => undefined); // one that is gone says so by its exit
  };
  const ask = (request: ParquetRequest): Promise<ParquetAnswer> =>
    new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout;
      const settle = (run: () => void): void => {
        clearTimeout(timer);
        child.off("message", onMessage).off("error", onError).off("exit", onExit);
        signal?.removeEventListener("abort", onAbort);
        run();
      };
      const late = (): void => settle(() => reject(invalid(`decoding it took more than ${milliseconds} ms`)));
      const onError = (error: unknown): void =>
        settle(() => reject(invalid(error instanceof Error ? error.message : String(error), error)));
      const onExit = (code: number | null, cause: string | null): void =>
        settle(() => reject(invalid(`decoding it ended its process: ${cause ?? `exit code ${code}`}`)));
      const onAbort = (): void => settle(() => reject(signal?.reason as Error));
      const onMessage = (message: unknown): void => {
        const answer = message as ParquetAnswer;
        clearTimeout(timer);
        if (answer.type === "error") settle(() => reject(invalid(answer.message)));
        else if (answer.type !== "read") settle(() => resolve(answer));
        else {
          readBytes(file, maxBytes, { start: answer.start, end: answer.end, signal }).then(
            (bytes) => {
              if (bytes.length < answer.end - answer.start) return onError(new Error(`it ends at byte ${answer.start + bytes.length}`));
              timer = setTimeout(late, milliseconds);
              send({ type: "bytes", id: answer.id, bytes });
            },
            (error: unknown) => settle(() => reject(error)),
          );
        }
      };
      child.on("message", onMessage).on("error", onError).on("exit", onExit);
      signal?.addEventListener("abort", onAbort);
      timer = setTimeout(late, milliseconds);
      send(request);
    });
  const close = (): void => {
    child.kill("SIGKILL");
  };
  try {
    signal?.throwIfAborted();
    const opened = await ask({ type: "open", byteLength, maxBytes });
    if (opened.type !== "opened") throw invalid(`unexpected ${opened.type}`);
    const { groups, columns } = opened;
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
            const answer = await ask({ type: "next", count: ROWS_AT_ONCE });
            if (answer.type !== "rows" || answer.rows.length === 0) break;
            yield* answer.rows;
          }
        }
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Beside this file once it is built; the tests read the sources, and find the built file. */
function processUrl(): URL {
  const built = new URL("./parquet-process.js", import.meta.url);
  return existsSync(built) ? built : new URL("../../dist/parquet-process.js", import.meta.url);
}
