/**
 * What is searched, as a stream of rows in bounded memory: `.npy` in chunks, cn_clip's jsonl line by line, pictures as they are embedded.
 */
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseNpyHead } from "../embed/npy.js";
import { EvaluationError } from "../evaluation/evaluation-error.js";
import { missingFile, readLines } from "../evaluation/read-lines.js";
import { RowScorer } from "./score-kernel.js";
import { type FoundRow, scoreRows, TopRows } from "./top-rows.js";
import { t } from "../translation/translate.js";

/** Bytes of a `.npy` file that are in memory at a time, twice over: one part is read while the other is searched. */
const CHUNK = 4 << 20;

/** Something found, with what is known of it. */
export interface Hit {
  readonly rank: number;
  readonly score: number;
  readonly id: number | undefined;
  readonly path: string | undefined;
}

/** Told how many rows are done. */
export type OnRows = (done: number, total: number | undefined) => void;

/** Some rows of a `.npy` file. */
export interface NpyPart {
  /** Number of the first of them. */
  readonly first: number;
  /** float32, row by row; good until the next part is asked for. */
  readonly values: Float32Array;
  /** Rows of the file. */
  readonly rows: number;
  /** Values of a row. */
  readonly dim: number;
}

/** Makes two buffers of `rows` rows of `dim` values: where a file is read to. */
export type CreateBuffers = (rows: number, dim: number) => readonly [Float32Array, Float32Array];

const plainBuffers: CreateBuffers = (rows, dim) => [new Float32Array(rows * dim), new Float32Array(rows * dim)];

/**
 * Reads a `.npy` file of float32 rows from begin to end; while one part is looked at, the next is read.
 *
 * @param createBuffers - may throw where it has no use for rows of this length.
 * @throws EvaluationError - `missing`; `malformed`: another kind of array, or cut off; `empty`.
 */
export async function* readNpyParts(file: string, createBuffers: CreateBuffers = plainBuffers): AsyncGenerator<NpyPart, void, undefined> {
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw missingFile(file, cause);
  });
  try {
    const { size } = await handle.stat();
    const start = new Uint8Array(Math.min(size, 4096));
    await handle.read(start, 0, start.length, 0);
    const head = parseNpyHead(start);
    if (head === undefined) {
      throw new EvaluationError(
        "malformed",
        t`expected a .npy of float32 rows (descr '<f4', C order); save it with array.astype('float32')`,
        { file },
      );
    }
    const { dim, offset } = head;
    const rowBytes = dim * 4;
    // While embed writes, or when it was killed, the head says 0 rows: those that are there count.
    const rows = head.rows > 0 ? head.rows : Math.floor((size - offset) / rowBytes);
    if (rows === 0) throw new EvaluationError("empty", t`no rows in it`, { file });
    if (size < offset + rows * rowBytes) {
      throw new EvaluationError("malformed", t`expected ${rows} rows, but the file is cut off; copy or embed it again`, { file });
    }
    const step = Math.max(1, Math.floor(CHUNK / rowBytes));
    const buffers = createBuffers(step, dim);
    const read = async (first: number): Promise<Float32Array> => {
      const into = buffers[(first / step) % 2 === 0 ? 0 : 1];
      const part = into.subarray(0, Math.min(step, rows - first) * dim);
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + first * rowBytes + done);
        if (bytesRead === 0) throw new EvaluationError("malformed", t`the file became shorter while it was read`, { file });
        done += bytesRead;
      }
      return part;
    };
    let next = read(0);
    try {
      for (let first = 0; first < rows; first += step) {
        const values = await next;
        if (first + step < rows) next = read(first + step);
        yield { first, values, rows, dim };
      }
    } finally {
      await next.catch(() => undefined); // before the file is closed
    }
  } finally {
    await handle.close();
  }
}

/**
 * Searches a `.npy` file of float32 rows.
 *
 * @throws EvaluationError - as {@link readNpyParts}; `dimension`.
 */
export async function searchNpy(file: string, query: Float32Array, k: number, onRows?: OnRows): Promise<FoundRow[]> {
  const best = new TopRows(k);
  let scorer: RowScorer | undefined;
  const parts = readNpyParts(file, (step, dim) => {
    checkDimension(dim, query.length, file);
    scorer = new RowScorer(query, step);
    return scorer.buffers;
  });
  for await (const { first, values, rows, dim } of parts) {
    scorer?.offer(values, first, best);
    onRows?.(first + values.length / dim, rows);
  }
  return best.sorted();
}

/** Ids and paths of found rows, from the metadata that embed wrote beside a `.npy`; nothing where there is none. */
export async function describeNpyRows(file: string, found: readonly FoundRow[]): Promise<Hit[]> {
  const part = /(\d+)\.npy$/.exec(basename(file))?.[1] ?? "0";
  const wanted = new Map(found.map(({ row }, i) => [row, i]));
  const objects = new Map<number, Readonly<Record<string, unknown>>>();
  const metadata = join(dirname(dirname(file)), "metadata", `metadata_${part}.jsonl`);
  try {
    for await (const { number, text } of readLines(metadata)) {
      if (wanted.has(number - 1)) objects.set(number - 1, JSON.parse(text) as Readonly<Record<string, unknown>>);
      if (objects.size === wanted.size) break;
    }
  } catch (error) {
    if (!(error instanceof EvaluationError && error.code === "missing")) throw error;
  }
  return found.map(({ row, score }, i) => hitOf(i, score, objects.get(row) ?? { image_id: row }));
}

/**
 * Searches cn_clip's feature file.
 *
 * @throws EvaluationError - `missing`; `empty`; with the line: `malformed`, `dimension`.
 */
export async function searchJsonl(file: string, query: Float32Array, k: number, onRows?: OnRows): Promise<Hit[]> {
  const best = new TopRows(k);
  const kept = new Map<number, Readonly<Record<string, unknown>>>();
  let row = 0;
  for await (const { number: line, text } of readLines(file)) {
    const { feature, ...about } = parseLine(text, file, line);
    if (!Array.isArray(feature) || !feature.every(Number.isFinite)) {
      throw new EvaluationError("malformed", t`expected a field "feature" with a list of finite numbers`, { file, line });
    }
    checkDimension(feature.length, query.length, file, line);
    scoreRows(Float32Array.from(feature as number[]), row, query, best);
    kept.set(row, about);
    row++;
    onRows?.(row, undefined);
    if (kept.size > 4 * k + 64) {
      const rows = new Set(best.sorted().map((found) => found.row));
      for (const key of kept.keys()) if (!rows.has(key)) kept.delete(key);
    }
  }
  if (row === 0) throw new EvaluationError("empty", t`no features in it; expected lines such as {"image_id": 1, "feature": […]}`, { file });
  return best.sorted().map((found, i) => hitOf(i, found.score, kept.get(found.row) ?? {}));
}

function parseLine(text: string, file: string, line: number): Readonly<Record<string, unknown>> {
  try {
    const object: unknown = JSON.parse(text);
    if (typeof object === "object" && object !== null) return object as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new EvaluationError("malformed", t`expected a JSON object, {…}, as embed writes it`, { file, line });
}

function hitOf(index: number, score: number, about: Readonly<Record<string, unknown>>): Hit {
  const { image_id: image, text_id: text, image_path: picture, caption } = about;
  const [id, path] = [image ?? text, picture ?? caption];
  return {
    rank: index + 1,
    score,
    id: typeof id === "number" ? id : undefined,
    path: typeof path === "string" ? path : undefined,
  };
}

function checkDimension(found: number, expected: number, file: string, line?: number): void {
  if (found === expected) return;
  throw new EvaluationError(
    "dimension",
    t`its features have ${found} values and the model's ${expected}: they are of another model. Name that one with --model, or embed anew`,
    { file, line },
  );
}
