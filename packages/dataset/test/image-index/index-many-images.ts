/** A folder of many images that changes, and the process that indexes it killed on the way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateSync } from "node:zlib";
import { expect } from "vitest";
import { type ImageIndex, openImageIndex } from "../../src/index.js";
import { fakeEmbedder } from "../fake-embedder.js";

const KILLS = 10;
const CHILD = fileURLToPath(new URL("sync-child.mjs", import.meta.url));
const SETTINGS = { model: "model A" };

/** A PNG of 2 x 2 pixels; another for each number. */
function png(n: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const pixels = Buffer.alloc(14); // a filter byte and 2 RGB pixels a row
  pixels.writeUInt32BE(n, 1);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", Buffer.from([0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0])),
    chunk("IDAT", deflateSync(pixels, { level: 0 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const nameOf = (n: number): string => `${n % 100}/image ${n}.png`;

function put(root: string, name: string, n: number): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), png(n));
}

/** Everything that an index holds, by the image's path. */
async function contentOf(index: ImageIndex): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { embedding, meta } of index.store.scan()) {
    const { path: name, size, sha256, width, height } = meta;
    found.set(name, JSON.stringify([size, sha256, width, height, [...embedding]]));
  }
  return found;
}

/** Runs the child until so many images are done, then kills it. @returns whether it was killed, rather than done before. */
async function killedAt(index: string, images: string, done: number): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD, index, images], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close") as Promise<[number | null, string | null]>;
  child.stdout.on("data", (chunk: Buffer) => {
    const last = Number(chunk.toString().trimEnd().split("\n").at(-1));
    if (last >= done) child.kill("SIGKILL");
  });
  const [code, signal] = await closed;
  expect(code === 0 || signal === "SIGKILL").toBe(true);
  return signal === "SIGKILL";
}

/**
 * Indexes a folder of so many images, changes some, and kills the process that indexes another ten times: what is new is embedded, and nothing twice.
 *
 * @param path - gives a place for a folder of this name.
 * @param tell - gets how long each run took.
 */
export async function indexManyImages(path: (name: string) => string, count: number, tell: (line: string) => void): Promise<void> {
  const root = path("images");
  for (let n = 0; n < count; n++) put(root, nameOf(n), n);
  const index = await openImageIndex(path("index"), { embedder: fakeEmbedder(), settings: SETTINGS });
  const timed = async (what: string): Promise<{ readonly contents: number; readonly counts: Readonly<Record<string, number>> }> => {
    const embedder = fakeEmbedder();
    const [start, before] = [performance.now(), process.cpuUsage()];
    const { counts } = await index.sync(embedder, { folders: [root], thumbnails: false });
    const { user, system } = process.cpuUsage(before);
    tell(`${what}: ${Math.round(performance.now() - start)} ms, ${Math.round((user + system) / 1000)} ms of processor time`);
    return { contents: embedder.contents.length, counts };
  };
  expect((await timed("first run")).contents).toBe(count);
  expect((await timed("unchanged")).counts).toMatchObject({ unchanged: count, added: 0 });

  for (let n = 0; n < 100; n++) put(root, `new/${n}.png`, count + n);
  for (let n = 0; n < 50; n++) rmSync(join(root, nameOf(n)));
  for (let n = 50; n < 70; n++) put(root, nameOf(n), count + 1000 + n);
  mkdirSync(join(root, "moved"));
  for (let n = 70; n < 100; n++) renameSync(join(root, nameOf(n)), join(root, `moved/${n}.png`));
  const changed = await timed("100 added, 50 removed, 20 changed, 30 moved");
  expect(changed.contents).toBe(120);
  expect(changed.counts).toMatchObject({ added: 100, removed: 50, changed: 20, moved: 30, unchanged: count - 100, failed: 0 });

  let kills = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    if (await killedAt(path("killed"), root, Math.max(1, Math.floor((0.9 * count) / KILLS)))) kills++;
  }
  expect(kills).toBe(KILLS);
  const again = await openImageIndex(path("killed"), { embedder: fakeEmbedder(), settings: SETTINGS });
  const embedder = fakeEmbedder();
  await again.sync(embedder, { folders: [root], thumbnails: false });
  expect(embedder.contents.length).toBeLessThan(count);
  tell(`left after ${KILLS} kills: ${embedder.contents.length}`);
  const [expected, found] = [await contentOf(index), await contentOf(again)];
  expect(found).toEqual(expected);
  expect((await again.sync(embedder)).counts).toMatchObject({ unchanged: count + 50, added: 0 });
  await again.close();
  await index.close();
}
