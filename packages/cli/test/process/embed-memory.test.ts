/** That `embed` needs no more memory for more images. */
import { describe, expect, it } from "vitest";
import { embedItems } from "@chinese-clip/dataset";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path } = scratchFolder();

describe("memory of embed", () => {
  it("holds a few groups of inputs, however many there are", async () => {
    const [count, group] = [20_000, 8];
    let [pulled, written, most] = [0, 0, 0];
    const summary = await embedItems({
      items: (async function* () {
        for (; pulled < count; pulled++) {
          most = Math.max(most, pulled - written);
          yield { id: pulled, label: undefined, content: new Uint8Array() };
        }
      })(),
      kind: "images",
      shard: { index: 0, count: 1 },
      output: {
        files: [path("f.jsonl")],
        rows: 0,
        last: undefined,
        append: async (rows) => void (written += rows.length),
        close: async () => {},
      },
      failures: path("f.failed.jsonl"),
      embedder: {
        dim: 1,
        embedText: () => Promise.reject(new Error("not asked for")),
        // As the library does: one group in the model while the next is decoded.
        async *embedImages<Input>(images: AsyncIterable<Input>) {
          const held: Input[] = [];
          let index = 0;
          let waiting = 0;
          for await (const image of images) {
            held.push(image);
            if (++waiting < 2 * group) continue;
            for (; waiting > group; waiting--) yield { index: index++, input: held.shift() as Input, embedding: new Float32Array(1) };
          }
          for (; waiting > 0; waiting--) yield { index: index++, input: held.shift() as Input, embedding: new Float32Array(1) };
        },
      },
      onFailure: () => {},
      onProgress: () => {},
    });
    expect(summary.added).toBe(count);
    expect(most).toBeLessThan(4 * group);
  });
});
