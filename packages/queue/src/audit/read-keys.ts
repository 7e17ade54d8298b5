/** The keys of a shard's rows, out of its metadata table. */
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";

/**
 * Reads the `image_path` column.
 *
 * @param bytes - the whole file.
 * @returns as many keys as the table has rows; `null` for a row without.
 * @throws what hyparquet throws for bytes that are no such table.
 */
export async function readKeys(bytes: Uint8Array): Promise<readonly unknown[]> {
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const file = { byteLength: copy.byteLength, slice: (start: number, end?: number) => Promise.resolve(copy.slice(start, end)) };
  const metadata = await parquetMetadataAsync(file);
  const rows = await parquetReadObjects({ file, metadata, columns: ["image_path"] });
  return rows.map((row) => row["image_path"]);
}
