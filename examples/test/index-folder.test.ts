/** The demo's images in an index of their own: found by a Chinese sentence, followed when the folder changes. */
import { copyFileSync, cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ImageMeta, syncFolder } from "@chinese-clip/dataset";
import { ChineseCLIP, loadImage } from "@chinese-clip/node";
import { openFolderStore } from "@chinese-clip/search/node";
import { afterAll, expect, it } from "vitest";

const examples = fileURLToPath(new URL("..", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "index-folder-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

it("indexes the demo's images, finds them by text, and embeds only what is new", async () => {
  const images = join(root, "images");
  cpSync(join(examples, "pictures"), images, { recursive: true });
  const names = readdirSync(images).filter((name) => /\.(?:png|jpg|webp)$/.test(name));
  const clip = await ChineseCLIP.fromPretrained(join(examples, "demo-checkpoint"));
  const store = await openFolderStore<ImageMeta>(join(root, "index"), { dim: clip.dim, fingerprint: clip.fingerprint });
  try {
    const first = await syncFolder(store, clip, images);
    expect([first.counts.added, first.counts.failed, store.info.count]).toEqual([names.length, 0, names.length]);
    for (const [item] of await Promise.all(names.slice(0, 4).map((name) => store.get([name])))) {
      const { width, height } = await loadImage(join(images, item?.id ?? ""));
      expect(item?.meta).toMatchObject({ width, height });
    }
    const { data: vector } = await clip.embedText("兔子");
    const hits = await store.search({ vector, top: 3, fingerprint: clip.fingerprint });
    const direct = await clip.embedImage(join(images, hits[0]?.id ?? ""));
    expect(hits[0]?.score).toBeCloseTo(
      direct.data.reduce((sum, value, i) => sum + value * (vector[i] ?? 0), 0),
      4,
    );

    const [one = "", two = ""] = names;
    renameSync(join(images, one), join(images, `moved-${one}`));
    copyFileSync(join(images, two), join(images, `copy-${two}`));
    const second = await syncFolder(store, clip, images);
    expect([second.embedded, second.counts.moved, second.counts.added]).toEqual([0, 1, 1]);
  } finally {
    await store.close();
    await clip.dispose();
  }
});
