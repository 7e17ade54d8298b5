/** Pairs from a folder of images, with the captions of `cat.jpg` in `cat.txt` beside it, one a line. */
import { readFile } from "node:fs/promises";
import { imageInput, listImages } from "@chinese-clip/dataset";
import { type PairList, type SkippedPair, type TrainingPair, usablePairs } from "../../data/pairs.js";

/**
 * Pairs of a folder and those below it. An image without a caption is skipped.
 *
 * @throws DatasetError - no such folder, no images in it.
 */
export async function captionedImages(folder: string): Promise<PairList> {
  const pairs: TrainingPair[] = [];
  const skipped: SkippedPair[] = [];
  for await (const file of listImages(folder)) {
    const { label, path } = file;
    const captions = typeof path === "string" ? await readFile(path.replace(/\.[^./\\]*$/u, ".txt"), "utf8").catch(() => "") : "";
    const image = { name: label, read: () => imageInput(file) };
    const texts = captions.split(/\r?\n/u).filter((line) => line.trim() !== "");
    if (texts.length === 0) skipped.push({ name: label, reason: "empty-text" });
    for (const text of texts) pairs.push({ image, text });
  }
  return usablePairs(folder, pairs, skipped);
}
