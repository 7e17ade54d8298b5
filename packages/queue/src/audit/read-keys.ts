/** The keys of a shard's rows, out of its metadata table. */
import { memoryFile, type ParquetDecoder } from "@chinese-clip/dataset";

/**
 * Reads the `image_path` column.
 *
 * @param bytes - the whole file.
 * @returns as many keys as the table has rows; `undefined` for a row without.
 * @throws DatasetError - `invalid-parquet`.
 */
export async function readKeys(
  decoder: ParquetDecoder,
  file: string,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<readonly unknown[]> {
  const table = await decoder.open(memoryFile(file, bytes), signal);
  const count = table.groups.reduce((sum, rows) => sum + rows, 0);
  const keys: unknown[] = [];
  for await (const row of table.rows(0, count, ["image_path"])) keys.push(row["image_path"]);
  return keys;
}
