/** Pairs from a folder of images, with the captions of `cat.jpg` in `cat.txt` beside it, one a line. */
import { imageInput, listImages, readText } from "@chinese-clip/dataset";
import { DatasetError } from "@chinese-clip/dataset/formats";
import { type PairList, type SkippedPair, type TrainingPair, usablePairs } from "../../data/pairs.js";

const MAX_CAPTION_BYTES = 1 << 20;

/**
 * Pairs of a folder and those below it. An image without a caption is skipped, and one whose captions are no UTF-8 text.
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
    const texts = (captions ?? "").split(/\r\n?|\n/u).filter((line) => line.trim() !== "");
    if (texts.length === 0) skipped.push({ name: label, reason: captions === undefined ? "unreadable-text" : "empty-text" });
    for (const text of texts) pairs.push({ image, text });
  }
  return usablePairs(folder, pairs, skipped);
}

/** The captions, `""` where there is no file, undefined where it cannot be read. */
async function readCaptions(file: string): Promise<string | undefined> {
  try {
    return await readText(file, MAX_CAPTION_BYTES);
  } catch (error) {
    return error instanceof DatasetError && error.code === "no-such-file" ? "" : undefined;
  }
}
