/**
 * A tower in another number format than it is stored in: converted, a layer at a time, when it is first used. The weights as they are stored
 * are kept by the browser, what is made of them is not.
 */
import type { TowerConversion } from "@chinese-clip/pipeline";
import type { WebFiles } from "./web-files.js";

/** Files that have the converted tower, and whatever else the model has. */
export async function convertTower({ file }: TowerConversion, files: WebFiles, signal: AbortSignal | undefined): Promise<WebFiles> {
  const bytes = new Uint8Array(file.byteLength);
  let at = 0;
  for await (const chunk of file.chunks()) {
    signal?.throwIfAborted();
    bytes.set(chunk, at);
    at += chunk.length;
    // Lets the page draw between layers.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const converted = { name: file.name, byteLength: bytes.length, read: async (start: number, end: number) => bytes.slice(start, end) };
  return {
    source: files.source,
    list: () => files.list(),
    readText: (name) => files.readText(name),
    open: async (name) => (name === file.name ? converted : files.open(name)),
    settle: () => files.settle(),
    async deliver(name, ranges, sink) {
      if (name !== file.name) return files.deliver(name, ranges, sink);
      for (const { start, end } of ranges) {
        sink(start, bytes.subarray(start, end));
      }
    },
  };
}
