/**
 * Search in cn_clip's feature files, `{"image_id": 1, "feature": [...]}` a line, and in the metadata lines that stand beside a `.npy`. Lines come
 * from the caller, so that a file, a response or a test can be the source; memory is bounded by the number of results.
 */
import { SearchError } from "../search-error.js";
import { scoreRows, TopRows } from "../top-k/top-rows.js";
import type { FoundRow } from "../top-k/top-rows.js";
import { type Hit, hitOf, type RowMetadata } from "./hit.js";

/** One line and its number, counted from 1. */
export interface FeatureLine {
  /** Counted from 1. */
  readonly number: number;
  /** Without its end. */
  readonly text: string;
}

/** Called with the number of rows done, and of all rows where it is known. */
export type OnRows = (done: number, total: number | undefined) => void;

/**
 * The best `k` of a feature file's rows.
 *
 * @param file - its name, for messages.
 * @throws SearchError - `no-features`; with the line: `invalid-line`, `invalid-feature`, `dimension-mismatch`.
 */
export async function searchFeatureLines(
  lines: AsyncIterable<FeatureLine>,
  file: string,
  query: Float32Array,
  k: number,
  onRows?: OnRows,
): Promise<Hit[]> {
  const best = new TopRows(k);
  const metadataOf = new Map<number, RowMetadata>();
  let row = 0;
  for await (const { number: line, text } of lines) {
    const { feature, ...metadata } = parseLine(text, file, line);
    // As float32, which has no number such as 1e39.
    const values = Array.isArray(feature) && feature.every((value) => typeof value === "number") ? Float32Array.from(feature) : undefined;
    if (values?.every(Number.isFinite) !== true)
      throw new SearchError("invalid-feature", `expected a field "feature" with a list of finite numbers`, { file, line });
    checkDimension(values.length, query.length, file, line);
    scoreRows(values, row, query, best);
    metadataOf.set(row, metadata);
    row++;
    onRows?.(row, undefined);
    if (metadataOf.size > 4 * k + 64) {
      const rows = new Set(best.sorted().map((found) => found.row));
      for (const key of metadataOf.keys()) if (!rows.has(key)) metadataOf.delete(key);
    }
  }
  if (row === 0) {
    throw new SearchError("no-features", `no features in it; expected lines such as {"image_id": 1, "feature": […]}`, { file });
  }
  return best.sorted().map((found, i) => hitOf(i, found, metadataOf.get(found.row) ?? {}));
}

/**
 * Ids and paths of found rows from metadata lines, of which line `n` is of row `n - 1`; rows without a line have their number as id.
 *
 * @param file - its name, for messages.
 * @throws SearchError - `invalid-line`: a line that is no JSON object.
 */
export async function describeRows(found: readonly FoundRow[], metadata: AsyncIterable<FeatureLine>, file: string): Promise<Hit[]> {
  const wanted = new Set(found.map(({ row }) => row));
  const metadataOf = new Map<number, RowMetadata>();
  for await (const { number, text } of metadata) {
    if (wanted.has(number - 1)) metadataOf.set(number - 1, parseLine(text, file, number));
    if (metadataOf.size === wanted.size) break;
  }
  return found.map((one, i) => hitOf(i, one, metadataOf.get(one.row) ?? { image_id: one.row }));
}

function parseLine(text: string, file: string, line: number): RowMetadata {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    object = undefined;
  }
  if (typeof object === "object" && object !== null) return object as RowMetadata;
  throw new SearchError("invalid-line", "expected a JSON object, {…}, as embed writes it", { file, line });
}

/** @throws SearchError - `dimension-mismatch`. */
export function checkDimension(actual: number, expected: number, file: string, line?: number): void {
  if (actual === expected) return;
  throw new SearchError(
    "dimension-mismatch",
    `its features have ${actual} values and the model's ${expected}: they are of another model. Name that one with --model, or embed again`,
    { file, ...(line === undefined ? {} : { line }), expected, actual },
  );
}
