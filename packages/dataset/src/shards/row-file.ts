/** A `.npy` file of float32 rows that grows; its head states no rows until it is finished. */
import { type FileHandle, open } from "node:fs/promises";
import { formatNpyHead, NPY_HEAD } from "@chinese-clip/search";
import { writingTo } from "@chinese-clip/pipeline/node";

/** Bytes of rows that are collected before they are written. */
const BUFFERED = 1 << 20;

/** A file that is being written. */
export interface RowFile {
  /** Adds one or more whole rows, which are copied. @throws RangeError - not whole rows of `dim` values. */
  add(values: Float32Array): Promise<void>;
  /** Writes the head. */
  finish(): Promise<void>;
  /** Closes the file as it is. */
  close(): Promise<void>;
}

/** Creates a file of rows of `dim` values. @throws OutputError - it cannot be written. */
export async function createRowFile(file: string, dim: number): Promise<RowFile> {
  const handle: FileHandle = await writingTo(file, () => open(file, "w"));
  let pending: Uint8Array[] = [formatNpyHead(0, dim)];
  let [waiting, values] = [0, 0];
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(pending);
    [pending, waiting] = [[], 0];
    await writingTo(file, () => handle.writeFile(bytes));
  };
  return {
    async add(rows) {
      if (rows.length % dim !== 0) throw new RangeError(`embedShard: expected rows of ${dim} values, got ${rows.length} values`);
      pending.push(Buffer.from(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)));
      values += rows.length;
      waiting += rows.byteLength;
      if (waiting >= BUFFERED) await flush();
    },
    async finish() {
      await flush();
      await writingTo(file, async () => {
        await handle.write(formatNpyHead(values / dim, dim), 0, NPY_HEAD, 0);
        await handle.sync();
      });
    },
    close: () => handle.close(),
  };
}
