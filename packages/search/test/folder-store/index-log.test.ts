import { appendFile, type FileHandle, open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect, it } from "vitest";
import { formatDelete, readLog } from "../../src/node/folder-store/index-log.js";
import { openLine, sealBody } from "../../src/node/folder-store/sealed-line.js";
import { type FolderStore, openFolderStore } from "../../src/node/index.js";

const { path } = scratchFolder();

it("reads as far as the file was long, in one piece, while another process writes on", async () => {
  const file = path("log.jsonl");
  await writeFile(file, formatDelete({ delete: ["a"], vacates: [] }, 1));
  await using handle = await open(file, "r");
  let reads = 0;
  const growing = {
    async stat() {
      const stats = await handle.stat();
      await appendFile(file, formatDelete({ delete: ["b"], vacates: [] }, 2));
      return stats;
    },
    read: async (buffer: Uint8Array, at: number, length: number, position: number) => {
      reads++;
      return handle.read(buffer, at, length, position);
    },
  } as unknown as FileHandle;
  const { records, end } = await readLog(growing, { offset: 0, lines: 0, rows: 0 }, file);
  expect([records, reads]).toEqual([[{ delete: ["a"], vacates: [] }], 1]);
  expect((await readLog(handle, end, file)).records).toEqual([{ delete: ["b"], vacates: [] }]);
});

const INFO = { fingerprint: "model-a", dim: 4 };
const itemOf = (id: string, value: number) => ({ id, embedding: Float32Array.of(value, 1, 0, 0), meta: { value } });

/** An index with items that were replaced and removed. */
async function writtenIndex(folder: string): Promise<void> {
  await using store = await openFolderStore(folder, INFO);
  await store.upsert([itemOf("a", 1), itemOf("b", 2), itemOf("c", 3)]);
  await store.upsert([itemOf("b", 4), itemOf("d", 5)]);
  await store.delete(["a", "none"]);
}

async function itemsOf(store: FolderStore): Promise<Record<string, unknown>> {
  const items: Record<string, unknown> = {};
  for await (const { id, embedding, meta } of store.scan()) items[id] = [embedding[0], meta];
  return items;
}

/** Rewrites the lines of an index's log, each with a checksum of its own. */
async function rewriteLog(folder: string, edit: (line: Readonly<Record<string, unknown>>) => string): Promise<void> {
  const [name] = (await readdir(folder)).filter((one) => one.startsWith("log."));
  const [first, ...lines] = (await readFile(join(folder, name ?? ""), "utf8")).trimEnd().split("\n");
  const rewritten = lines.map((line) => sealBody(edit(openLine(Buffer.from(line)) ?? {})));
  await writeFile(join(folder, name ?? ""), [`${first}\n`, ...rewritten].join(""));
}

it("states the rows that a call vacates, and is read as 0.1 wrote it, without them", async () => {
  await writtenIndex(path("new"));
  await writtenIndex(path("old"));
  const vacated: unknown[] = [];
  await rewriteLog(path("old"), ({ n, row, sums, ids, metas, delete: removed, vacates }) => {
    vacated.push(vacates);
    const text = JSON.stringify(metas);
    if (removed !== undefined) return JSON.stringify({ n, delete: removed }).slice(0, -1);
    return `${JSON.stringify({ n, metaBytes: Buffer.byteLength(text), row, sums, ids }).slice(0, -1)},"metas":${text}`;
  });
  expect(vacated).toEqual([[], [1], [0]]);
  for (const folder of [path("new"), path("old")]) {
    await using reader = await openFolderStore(folder, { readOnly: true });
    expect([reader.info.count, reader.deadRows]).toEqual([3, 2]);
    const [best] = await reader.search({ vector: Float32Array.of(1, 0, 0, 0), top: 1, minScore: 0 });
    expect([best?.id, best?.meta]).toEqual(["d", { value: 5 }]);
    const expected = { c: [3, { value: 3 }], b: [4, { value: 4 }], d: [5, { value: 5 }] };
    expect(await itemsOf(reader)).toEqual(expected);
    await using writer = await openFolderStore(folder);
    await writer.upsert([itemOf("c", 6)]);
    await reader.refresh();
    expect(await itemsOf(reader)).toEqual({ ...expected, c: [6, { value: 6 }] });
    await writer.compact();
    await reader.refresh();
    expect([await itemsOf(reader), reader.deadRows]).toEqual([{ ...expected, c: [6, { value: 6 }] }, 0]);
  }
});

it("is opened and counted without its ids; a line whose ids are none is named when they are asked for", async () => {
  await writtenIndex(path("ids"));
  await rewriteLog(path("ids"), ({ n, row, count, sums, ids, metas, vacates, delete: removed }) => {
    if (removed !== undefined) return JSON.stringify({ n, vacates, delete: removed }).slice(0, -1);
    const [idText, metaText] = [JSON.stringify(ids).replace('"d"', "1.5"), JSON.stringify(metas)];
    const head = JSON.stringify({ n, metaBytes: metaText.length, idBytes: idText.length, count, row, vacates, sums }).slice(0, -1);
    return `${head},"ids":${idText},"metas":${metaText}`;
  });
  await using reader = await openFolderStore(path("ids"), { readOnly: true });
  expect(reader.info.count).toBe(3);
  await expect(reader.get(["c"])).rejects.toMatchObject({ code: "damaged-index" });
});
