/**
 * Features that embed wrote, searched where they lie: cn_clip's jsonl, and the metadata beside a `.npy`.
 */
import { basename, dirname, join } from "node:path";
import { describeRows, type FoundRow, type Hit, type OnRows, searchFeatureLines } from "@chinese-clip/search";
import { DatasetError, readLines } from "@chinese-clip/dataset";

/** Searches cn_clip's feature file. */
export function searchJsonl(file: string, query: Float32Array, k: number, onRows?: OnRows): Promise<Hit[]> {
  return searchFeatureLines(readLines(file), file, query, k, onRows);
}

/** Ids and paths of found rows, from the metadata that embed wrote beside a `.npy`; without such a file, their row numbers. */
export async function describeNpyRows(file: string, found: readonly FoundRow[]): Promise<Hit[]> {
  const part = /(?<!\d)(\d+)\.npy$/.exec(basename(file))?.[1] ?? "0";
  const metadata = join(dirname(dirname(file)), "metadata", `metadata_${part}.jsonl`);
  try {
    return await describeRows(found, readLines(metadata), metadata);
  } catch (error) {
    if (!(error instanceof DatasetError && error.code === "no-such-file")) throw error;
    return describeRows(found, noLines(), metadata);
  }
}

async function* noLines(): AsyncGenerator<never, void, undefined> {
  yield* [];
}
