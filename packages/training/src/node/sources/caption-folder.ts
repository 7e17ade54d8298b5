/** Pairs from a folder of images, with the captions of `cat.jpg` in `cat.txt` beside it, one a line. */
import { imageInput, listImages } from "@chinese-clip/dataset";
import { readWholeFile } from "@chinese-clip/pipeline/node";
import { type PairList, type SkippedPair, type TrainingPair, usablePairs } from "../../data/pairs.js";

const MAX_CAPTION_BYTES = 1 << 20;

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
    const captions = typeof path === "string" ? await readCaptions(path.replace(/\.[^./\\]*$/u, ".txt")) : "";
    const image = { name: label, read: () => imageInput(file) };
    const texts = captions.split(/\r?\n/u).filter((line) => line.trim() !== "");
    if (texts.length === 0) skipped.push({ name: label, reason: "empty-text" });
    for (const text of texts) pairs.push({ image, text });
  }
  return usablePairs(folder, pairs, skipped);
}

async function readCaptions(file: string): Promise<string> {
  const bytes = await readWholeFile(file, MAX_CAPTION_BYTES).catch(() => undefined);
  return bytes?.toString("utf8") ?? "";
}
