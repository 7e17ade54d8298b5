import { appendFile, type FileHandle, open, writeFile } from "node:fs/promises";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect, it } from "vitest";
import { formatDelete, readLog } from "../../src/node/folder-store/index-log.js";

const { path } = scratchFolder();

it("reads as far as the file was long, in one piece, while another process writes on", async () => {
  const file = path("log.jsonl");
  await writeFile(file, formatDelete(["a"], 1));
  await using handle = await open(file, "r");
  let reads = 0;
  const growing = {
    async stat() {
      const stats = await handle.stat();
      await appendFile(file, formatDelete(["b"], 2));
      return stats;
    },
    read: async (buffer: Uint8Array, at: number, length: number, position: number) => {
      reads++;
      return handle.read(buffer, at, length, position);
    },
  } as unknown as FileHandle;
  const { records, end } = await readLog(growing, { offset: 0, lines: 0, rows: 0 }, file);
  expect([records, reads]).toEqual([[{ delete: ["a"] }], 1]);
  expect((await readLog(handle, end, file)).records).toEqual([{ delete: ["b"] }]);
});
