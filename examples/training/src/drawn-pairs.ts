/** Drawings and their captions in cn_clip's format, as `chinese-clip train` reads them. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Drawing, makeDrawings } from "@chinese-clip/drawings";

/** Drawings that are made at a time, each with a seed of its own. */
const BLOCK = 500;

/** Drawings by seed and number: the same ones each time. */
export async function draw(count: number, seed: number): Promise<Drawing[]> {
  const starts = Array.from({ length: Math.ceil(count / BLOCK) }, (_, i) => i * BLOCK);
  const blocks = await Promise.all(starts.map((start) => makeDrawings(Math.min(BLOCK, count - start), seed + start)));
  return blocks.flat();
}

/** Writes `<split>_imgs.tsv` and `<split>_texts.jsonl`, each drawing with its caption. */
export async function writePairs(drawings: readonly Drawing[], folder: string, split: "train" | "valid"): Promise<void> {
  await mkdir(folder, { recursive: true });
  const images = drawings.map(({ bytes }, i) => `${i}\t${bytes.toString("base64")}\n`);
  const texts = drawings.map(({ caption }, i) => `${JSON.stringify({ text_id: i, text: caption.text, image_ids: [i] })}\n`);
  await writeFile(join(folder, `${split}_imgs.tsv`), images.join(""));
  await writeFile(join(folder, `${split}_texts.jsonl`), texts.join(""));
}
