import { createHash } from "node:crypto";
import type { SyncEmbedder } from "../src/index.js";
import type { ImageResult } from "../src/output/embedder.js";

/** Values of its embeddings. */
export const DIM = 8;

/** The embedding of some bytes: the first of their hash. */
export function embeddingOf(bytes: Uint8Array | string): Float32Array {
  return Float32Array.from(createHash("sha256").update(bytes).digest().subarray(0, DIM));
}

/** Embeds a hash of the bytes, in batches of three, and knows what it was given; its thumbnails are the bytes themselves. */
export function fakeEmbedder(killAfter = Infinity): SyncEmbedder & { readonly dim: number; readonly contents: string[] } {
  const contents: string[] = [];
  return {
    fingerprint: "model-a",
    dim: DIM,
    contents,
    async *embedImages(images, { preview } = {}) {
      let [index, batch] = [0, [] as Uint8Array[]];
      const results = function* (): Generator<ImageResult<Uint8Array>, void, undefined> {
        for (const input of batch) {
          if (contents.length >= killAfter) throw new Error("killed");
          const text = Buffer.from(input).toString("latin1");
          contents.push(text);
          if (text.startsWith("broken")) {
            yield { index: index++, input, error: Object.assign(new Error("no image"), { code: "corrupt" }) };
            continue;
          }
          const thumbnail = preview?.thumbnail === undefined ? {} : { thumbnail: input };
          const result = { index: index++, input, embedding: embeddingOf(input) };
          yield preview === undefined ? result : { ...result, preview: { width: 3, height: 2, camera: "Canon EOS R5", ...thumbnail } };
        }
        batch = [];
      };
      for await (const image of images) if (batch.push(image) === 3) yield* results();
      yield* results();
    },
  };
}
