/**
 * Features of a frozen tower, computed once. They are cached in shards beside the run, named by what they were made of; a shard is checked when it is
 * opened, and a run that was interrupted resumes from its shards.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stageFile, writingTo } from "@chinese-clip/pipeline/node";

/** Rows of a shard: little enough to lose, many enough that a data set has few files. */
const SHARD_ROWS = 1024;
const DIGEST_BYTES = 32;

/** The features to compute. */
export interface FrozenFeatures {
  /** The folder of the shards. */
  readonly folder: string;
  /** What tells these features from any others: the tower's weights, the inputs, the preprocessing. */
  readonly key: string;
  /** Rows in all. */
  readonly rows: number;
  /** Values of a row. */
  readonly dim: number;
  /** Computes the rows `[start, end)`. */
  readonly compute: (start: number, end: number) => Promise<Float32Array>;
  /** Called with the rows that are there. */
  readonly onProgress?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The features of all rows, from the cache where it has them. */
export async function frozenFeatures({ folder, key, rows, dim, compute, onProgress, signal }: FrozenFeatures): Promise<Float32Array> {
  const name = createHash("sha256")
    .update(JSON.stringify([key, rows, dim]))
    .digest("hex")
    .slice(0, 16);
  const place = join(folder, name);
  const features = new Float32Array(rows * dim);
  for (let start = 0; start < rows; start += SHARD_ROWS) {
    signal?.throwIfAborted();
    const end = Math.min(start + SHARD_ROWS, rows);
    const file = join(place, `${String(start / SHARD_ROWS).padStart(5, "0")}.f32`);
    let values = await readShard(file, (end - start) * dim);
    if (values === undefined) {
      values = await compute(start, end);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      await writingTo(place, () => mkdir(place, { recursive: true }));
      await stageFile(file, (part) => writingTo(file, () => writeFile(part, Buffer.concat([bytes, digestOf(bytes)]))));
    }
    features.set(values, start * dim);
    onProgress?.(end);
  }
  return features;
}

/** A whole shard's values; undefined where there is none, or one that is not as it was written. */
async function readShard(file: string, length: number): Promise<Float32Array | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined || bytes.length !== length * Float32Array.BYTES_PER_ELEMENT + DIGEST_BYTES) return undefined;
  const values = bytes.subarray(0, -DIGEST_BYTES);
  return digestOf(values).equals(bytes.subarray(-DIGEST_BYTES)) ? new Float32Array(Uint8Array.from(values).buffer) : undefined;
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
