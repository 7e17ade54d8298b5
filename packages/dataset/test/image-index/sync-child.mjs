/**
 * A process of its own that brings an index up to date with a folder, with embeddings of a hash of the bytes, and says on its standard output how many
 * images are done. Arguments: the index, the folder. Plain JavaScript, since Node runs it as it is.
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { openImageIndex } from "../../dist/index.js";

const [folder = "", images = ""] = process.argv.slice(2);
const embedder = {
  fingerprint: "model-a",
  dim: 8,
  async *embedImages(inputs) {
    let index = 0;
    for await (const input of inputs) {
      const embedding = Float32Array.from(createHash("sha256").update(input).digest().subarray(0, 8));
      yield { index: index++, input, embedding, preview: { width: 3, height: 2, camera: "Canon EOS R5" } };
    }
  },
};
const index = await openImageIndex(folder, { embedder, settings: { model: "model A" } });
let last = 0;
await index.sync(embedder, {
  folders: [images],
  thumbnails: false,
  onEvent: ({ done }) => {
    if (done - last < 16) return;
    last = done;
    try {
      writeSync(1, `${done}\n`);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // the reader is behind
    }
  },
});
await index.close();
