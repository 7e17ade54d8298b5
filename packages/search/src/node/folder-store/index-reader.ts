/** From the files of an index to its items: the log's lines, then the vectors that they state, each with its checksum. */
import type { FileHandle } from "node:fs/promises";
import { NPY_HEAD } from "../../npy/npy-head.js";
import { SearchError, type SearchErrorDetails } from "../../search-error.js";
import { Int8Matrix } from "../../top-k/int8-matrix.js";
import { type IndexFiles, type IndexHead, namesOf } from "./index-files.js";
import { type LogPosition, type LogRecord, type LogTail, readLog } from "./index-log.js";
import { IndexState } from "./index-state.js";
import type { QuantizedFile } from "./quantized-file.js";
import { VectorReader } from "./vector-reader.js";
import { VectorSums } from "./vector-sums.js";

/** What reading an index found. */
export interface ReadResult extends LogTail {
  /** Ids of the items whose vectors are damaged: to be removed before anything is searched. */
  readonly damaged: readonly string[];
}

/**
 * Reads what the log has from a position on into a state that is at this position.
 *
 * @param keepsDamaged - whether items with damaged vectors are told rather than thrown.
 * @throws SearchError - `damaged-index`; the state is as it was.
 */
export async function readIndex(
  folder: string,
  { generation, dim }: Pick<IndexHead, "generation" | "dim">,
  files: IndexFiles,
  state: IndexState,
  from: LogPosition,
  keepsDamaged: boolean,
  quantized?: QuantizedFile,
): Promise<ReadResult> {
  const names = namesOf(folder, generation);
  const { matrix } = state;
  const usesQuantized = quantized !== undefined && !keepsDamaged && matrix instanceof Int8Matrix && matrix.count === 0;
  // Vectors are read while the log is; those that were quantised before, which spare some reads, are known when all of it is.
  let reader = usesQuantized ? undefined : await VectorReader.open(files.vectors, state, 0);
  try {
    const tail = await readLog(files.log, from, names.log, (record) => {
      if ("ids" in record) reader?.add(record);
    });
    const { records, end } = tail;
    const loaded = usesQuantized ? await loadQuantized(quantized, files.vectors, matrix, dim, records, end.rows) : 0;
    if (reader === undefined) {
      reader = await VectorReader.open(files.vectors, state, loaded);
      for (const record of records) if ("ids" in record) reader.add(record);
    }
    const suspects = await reader.finish();
    const missing = end.rows - state.matrix.count;
    if (missing > 0) {
      if (!keepsDamaged) throw damaged("rows that the log states are missing", { file: names.vectors, expected: end.rows });
      for (let i = 0; i < missing; i++) state.matrix.append(new Float32Array(dim));
    }
    const lost = suspects.size === 0 ? [] : idsOf(suspects, records, dim);
    const [id] = lost;
    if (id !== undefined && !keepsDamaged) throw damaged("a vector is not the one that was written", { file: names.vectors, id });
    state.apply(records);
    if (lost.length === 0) state.sums.setChecked(Math.max(loaded, from.rows), end.rows);
    return { ...tail, damaged: lost };
  } catch (error) {
    await reader?.stop();
    state.matrix.truncate(from.rows);
    throw error;
  }
}

/** Appends rows that were quantised before, as long as the file has the vectors that they are of. @returns how many. */
async function loadQuantized(
  quantized: QuantizedFile,
  vectors: FileHandle,
  matrix: Int8Matrix,
  dim: number,
  records: readonly LogRecord[],
  rows: number,
): Promise<number> {
  if ((await vectors.stat()).size < NPY_HEAD + 4 * dim * rows) return 0;
  const sums = new VectorSums(dim);
  for (const record of records) if ("ids" in record) sums.append(record);
  return quantized.load(matrix, sums, rows);
}

/** The ids of those rows that still have an item after some lines. */
function idsOf(rows: ReadonlySet<number>, records: readonly LogRecord[], dim: number): string[] {
  const after = new IndexState(dim, "float32");
  after.apply(records);
  return [...rows].filter((row) => after.isLive(row)).map((row) => after.idOf(row));
}

function damaged(what: string, details: SearchErrorDetails): SearchError {
  return new SearchError("damaged-index", `${what}; open the index with repair to remove such items, and embed them again`, details);
}
