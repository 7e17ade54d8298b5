/** An embedder whose rows follow from a file's bytes: of length 1, the same in every process, and made in no time. */
import type { ImageResult, ShardEmbedder } from "@chinese-clip/dataset";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** Values of its rows. */
export const FAKE_DIM = 16;

/** @param pause - awaited before each image. */
export function fakeEmbedder(pause: () => Promise<void> = () => Promise.resolve(), fingerprint = "fake"): ShardEmbedder {
  return {
    dim: FAKE_DIM,
    fingerprint,
    embedText: (texts) => Promise.resolve({ data: new Float32Array(texts.length * FAKE_DIM) }),
    async *embedImages(images, { signal } = {}): AsyncGenerator<ImageResult<string | Uint8Array>> {
      let index = 0;
      for await (const input of images) {
        signal?.throwIfAborted();
        await pause();
        const bytes = typeof input === "string" ? await readFile(input) : input;
        if (bytes.length === 0) yield { index: index++, input, error: new Error("no image") };
        else yield { index: index++, input, embedding: rowOf(bytes) };
      }
    },
  };
}

function rowOf(bytes: Uint8Array): Float32Array {
  const digest = createHash("sha512").update(bytes).digest();
  const row = Float32Array.from({ length: FAKE_DIM }, (_, i) => digest.readInt32LE(4 * i));
  const norm = Math.hypot(...row);
  return row.map((value) => value / norm);
}
