/** Opens the files of an index, with what they hold; or creates them. */
import { SearchError } from "../../search-error.js";
import { checkFingerprint } from "../../store/vector-store.js";
import {
  closeFiles,
  commitHead,
  createGeneration,
  headFile,
  type IndexFiles,
  type IndexHead,
  MAX_DIM,
  nextGeneration,
  openGeneration,
  readHead,
  sweep,
} from "./index-files.js";
import { type LogPosition, startOf } from "./index-log.js";
import { readIndex } from "./index-reader.js";
import { IndexState, type Precision } from "./index-state.js";
import { QuantizedFile } from "./quantized-file.js";

/** How often a reader looks again for a generation that was compacted away while it opened it. */
const ATTEMPTS = 20;

/** Options of {@link openFolderStore}. */
export interface FolderStoreOptions {
  /** Values of an embedding. Needed to create an index; where there is one, checked. */
  readonly dim?: number | undefined;
  /** `Embedder.fingerprint`. Needed to create an index; where there is one, checked. */
  readonly fingerprint?: string | undefined;
  /** Whether an index is created where there is none. Default true, unless `readOnly`. */
  readonly create?: boolean | undefined;
  /** Whether the index is only read: no lock is taken, and {@link FolderStore.refresh} follows the process that writes. Default false. */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether items whose vectors are damaged are removed, with the few that were written beside them (32 have a checksum together);
   * {@link FolderStore.repaired} names them. Default false: such an index is rejected.
   */
  readonly repair?: boolean | undefined;
  /**
   * How vectors are scanned: in float32, or as 8-bit integers of which the best are scored again in float32, which reads a quarter of the memory. The
   * results are the same. An index opens faster in 8 bits, too: integers of an earlier process are used, and each vector that a search reads is checked then
   * rather than before. Default `"float32"`.
   */
  readonly precision?: Precision | undefined;
}

/** The files of an open index, what they hold, and up to where they have been read. */
export interface OpenIndex {
  readonly head: IndexHead;
  readonly files: IndexFiles;
  readonly state: IndexState;
  position: LogPosition;
  /** What a writer adds to, so that the next one opens faster. */
  readonly quantized: QuantizedFile | undefined;
}

/**
 * Opens an index to read.
 *
 * @throws SearchError - `missing-file`, `fingerprint-mismatch`, `dimension-mismatch`, `foreign-index`, `damaged-index`.
 */
export async function openToRead(folder: string, options: FolderStoreOptions): Promise<OpenIndex> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const head = await readHead(folder);
    if (head === undefined) throw noIndex(folder);
    checkModel(head, options);
    const files = await openGeneration(folder, head, "r");
    if (files === undefined) continue; // compacted away in between
    const quantized = options.precision === "int8" ? await QuantizedFile.open(folder, head, "r") : undefined;
    try {
      const state = newState(head.dim, options.precision, files);
      const { end } = await readIndex(folder, head, files, state, startOf(files.logBytes), false, quantized);
      await quantized?.close();
      return { head, files, state, position: end, quantized: undefined };
    } catch (error) {
      await quantized?.close();
      await closeFiles(files);
      throw error;
    }
  }
  throw goneGeneration(folder);
}

/**
 * Opens an index whose lock is held.
 *
 * @param repair - whether damaged items are told rather than thrown.
 * @returns also the length of the log, and the ids of damaged items.
 */
export async function openToWrite(
  folder: string,
  head: IndexHead,
  repair: boolean,
  precision: Precision | undefined,
): Promise<{ readonly index: OpenIndex; readonly size: number; readonly damaged: readonly string[] }> {
  const files = await openGeneration(folder, head, "r+");
  if (files === undefined) throw goneGeneration(folder);
  const quantized = await QuantizedFile.open(folder, head, "r+");
  try {
    const state = newState(head.dim, precision, files);
    const { end, size, damaged } = await readIndex(folder, head, files, state, startOf(files.logBytes), repair, quantized);
    if (precision !== "int8" || repair) await quantized?.skip(state.sums); // else what was loaded is known
    return { index: { head, files, state, position: end, quantized }, size, damaged };
  } catch (error) {
    await quantized?.close();
    await closeFiles(files);
    throw error;
  }
}

/** Creates an index in a folder whose lock is held. */
export async function createIndex(folder: string, { dim, fingerprint, precision }: FolderStoreOptions): Promise<OpenIndex> {
  if (fingerprint === undefined || !(typeof dim === "number" && Number.isInteger(dim) && dim >= 1 && dim <= MAX_DIM)) {
    throw new TypeError(
      `openFolderStore: expected dim (1 to 65536) and fingerprint, which a new index needs, got ${String(dim)} and ${String(fingerprint)}`,
    );
  }
  const head: IndexHead = { generation: nextGeneration(undefined), dim, fingerprint, rows: 0 };
  const files = await createGeneration(folder, head);
  try {
    await files.vectors.datasync();
    await files.log.datasync();
    await commitHead(folder, head);
    await sweep(folder, head.generation);
  } catch (error) {
    await closeFiles(files);
    throw error;
  }
  const quantized = await QuantizedFile.open(folder, head, "r+");
  return { head, files, state: newState(dim, precision, files), position: startOf(files.logBytes), quantized };
}

/** @throws SearchError - `fingerprint-mismatch`, `dimension-mismatch`. */
export function checkModel(head: IndexHead, { dim, fingerprint }: FolderStoreOptions): void {
  checkFingerprint(head, fingerprint);
  if (dim === undefined || dim === head.dim) return;
  throw new SearchError("dimension-mismatch", `expected an index of ${dim} values, got ${head.dim}`, { expected: dim, actual: head.dim });
}

/** The error for a folder without an index. */
export function noIndex(folder: string): SearchError {
  return new SearchError("missing-file", "no index in this folder; check the path, or create one", { file: headFile(folder) });
}

function goneGeneration(folder: string): SearchError {
  return new SearchError("damaged-index", "the files that index.json names are gone", { file: headFile(folder) });
}

function newState(dim: number, precision: Precision = "float32", files: IndexFiles): IndexState {
  const state = new IndexState(dim, precision);
  state.attach(files);
  return state;
}
