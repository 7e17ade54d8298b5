/**
 * Pairs of any source of `@chinese-clip/dataset` whose items have captions: tars as img2dataset writes them, Parquet with the images in a column, on this
 * machine or in a bucket. A source is read once, in order, while a run takes images in any order: their encoded bytes wait in a file of the system's
 * folder for temporary files, which is gone with the process.
 */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataSource } from "@chinese-clip/dataset";
import { writingTo } from "@chinese-clip/pipeline/node";
import { type PairList, type SkippedPair, type TrainingPair, usablePairs } from "../../data/pairs.js";

/**
 * Pairs of a source. An item without an image or without a caption, or that cannot be read, is skipped.
 *
 * @throws DatasetError - there is no such source, or a shard of it cannot be read; OutputError - no room for the images.
 */
export async function sourcePairs(source: DataSource, signal?: AbortSignal): Promise<PairList> {
  const folder = await mkdtemp(join(tmpdir(), "chinese-clip-images-"));
  const path = join(folder, "images");
  const spool = await open(path, "wx+");
  await rm(folder, { recursive: true, force: true }).catch(() => undefined); // where an open file cannot be removed, it stays
  const pairs: TrainingPair[] = [];
  const skipped: SkippedPair[] = [];
  let end = 0;
  for await (const shard of source.list({ signal })) {
    for await (const item of source.read(shard, { signal })) {
      const { key } = item;
      if ("error" in item || item.image === undefined) skipped.push({ name: key, reason: "missing-image" });
      else if ((item.caption ?? "").trim() === "") skipped.push({ name: key, reason: "empty-text" });
      else {
        const { image, caption = "" } = item;
        let read = async (): Promise<string | Uint8Array> => image;
        if (typeof image !== "string") {
          const [start, length] = [end, image.length];
          await writingTo(path, () => spool.write(image, 0, length, start));
          end += length;
          read = () => readRange(spool, start, length);
        }
        pairs.push({ image: { name: key, read }, text: caption });
      }
    }
  }
  return usablePairs(source.spec, pairs, skipped);
}

async function readRange(file: FileHandle, start: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) throw new Error(`images: expected ${length} bytes at ${start}, but the file ends before`);
    filled += bytesRead;
  }
  return bytes;
}
