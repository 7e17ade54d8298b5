/** A new generation of an index, without the rows of removed items. It becomes the current one by one rename. */
import { NPY_HEAD } from "../../npy/npy-head.js";
import {
  bytesOf,
  closeFiles,
  commitHead,
  createGeneration,
  type IndexFiles,
  type IndexHead,
  nextGeneration,
  readHead,
  sweep,
  writeAll,
} from "./index-files.js";
import { formatPut, type LogPosition, type PutRecord, startOf, sumsOf } from "./index-log.js";
import type { IndexState } from "./index-state.js";
import { JsonColumn } from "./json-column.js";
import type { OpenIndex } from "./open-index.js";
import { QuantizedFile } from "./quantized-file.js";

/** Items of a line when a generation is written. */
const ITEMS_PER_LINE = 1000;

/** Writes the next generation. The files of the one before stay open, and are the caller's to close. */
export async function compactIndex(folder: string, { head, state }: OpenIndex): Promise<OpenIndex> {
  const next: IndexHead = { ...head, generation: nextGeneration(head.generation), rows: state.count };
  const files = await createGeneration(folder, next);
  let position = startOf(files.logBytes);
  const puts: PutRecord[] = [];
  try {
    position = await writeItems(state, files, position, head.dim, puts);
    await files.vectors.datasync();
    await files.log.datasync();
    await commitHead(folder, next);
  } catch (error) {
    const current = await readHead(folder).catch(() => undefined);
    if (current?.generation !== next.generation) {
      await closeFiles(files);
      if (current !== undefined) await sweep(folder, current.generation);
      throw error;
    }
  }
  state.compact(puts);
  state.attach(files);
  const quantized = await QuantizedFile.open(folder, next, "r+");
  await quantized?.advance(state, Number.POSITIVE_INFINITY);
  return { head: next, files, state, position, quantized };
}

/** Writes a state's items to the files of a new generation. @param puts - gets the lines that state them. */
async function writeItems(state: IndexState, files: IndexFiles, start: LogPosition, dim: number, puts: PutRecord[]): Promise<LogPosition> {
  let { offset, lines, rows } = start;
  const vectors = new Float32Array(ITEMS_PER_LINE * dim);
  let [ids, metas]: [string[], string[]] = [[], []];
  const flush = async (): Promise<void> => {
    if (ids.length === 0) return;
    const values = vectors.subarray(0, ids.length * dim);
    await writeAll(files.vectors, bytesOf(values), NPY_HEAD + 4 * dim * rows);
    const count = ids.length;
    const metaText = Buffer.from(`[${metas.join(",")}]`);
    const put = {
      row: rows,
      count,
      sums: sumsOf(values, dim),
      vacates: [],
      ids: JsonColumn.of(ids),
      metas: JsonColumn.metadata(metaText, count),
    };
    puts.push(put);
    const line = Buffer.from(formatPut(put, metas, lines + 1));
    await writeAll(files.log, line, offset);
    [offset, lines, rows] = [offset + line.length, lines + 1, rows + ids.length];
    [ids, metas] = [[], []];
  };
  for (const row of state.rows()) {
    vectors.set(state.matrix.row(row), ids.length * dim);
    ids.push(state.idOf(row));
    metas.push(JSON.stringify(state.metaOf(row)));
    if (ids.length === ITEMS_PER_LINE) await flush();
  }
  await flush();
  return { offset, lines, rows };
}
