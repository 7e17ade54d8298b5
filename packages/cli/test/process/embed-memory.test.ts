/** That `embed` needs no more memory for more images. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { embedItems } from "@chinese-clip/dataset";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, MAIN } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path, write } = scratchFolder();

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

  it("as the system counts it, is much the same in the second quarter and the last", async () => {
    // A leak of 100 kB for each image, less than a decoded one, would be 40 MB of 180 here.
    const samples = path("rss.json");
    const probe = write(
      "probe.mjs",
      `import { isMainThread } from "node:worker_threads";
       import { writeFileSync } from "node:fs";
       const rss = [];
       if (isMainThread) {
         setInterval(() => rss.push(process.memoryUsage.rss()), 20).unref();
         process.on("exit", () => writeFileSync(${JSON.stringify(samples)}, JSON.stringify(rss)));
       }`,
    );
    const names = readdirSync(PICTURES).filter((name) => /\.(?:png|jpg|webp)$/.test(name));
    const list = Array.from({ length: 800 }, (_, i) => join(PICTURES, names[i % names.length] ?? ""));
    const args = ["--import", pathToFileURL(probe).href, MAIN, "embed", "--model", DEMO, "--images", "-", "--output", path("out")];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.end(list.join("\n"));
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    const rss = JSON.parse(readFileSync(samples, "utf8")) as number[];
    expect(rss.length).toBeGreaterThan(20);
    const quarter = (n: number): number => {
      const part = rss.slice(Math.floor((n * rss.length) / 4), Math.floor(((n + 1) * rss.length) / 4)).toSorted((a, b) => a - b);
      return part[part.length >> 1] ?? Number.NaN;
    };
    expect(quarter(3) / quarter(1)).toBeLessThan(1.2);
  });
});
