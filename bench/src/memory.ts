/**
 * Whether memory grows with the work done: 1,000 texts and images, then as many more as make 10,000 texts and 2,000 images. The images
 * are JPEGs, so that decoding, resizing and both towers all do their part. The model is ViT-B/16 with three layers instead of twelve: less of the
 * weights' memory to hide a leak in. They are packed from the start, or the packed copy would come with the work, and look like a leak.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import sharp from "sharp";
import { captions } from "./inputs.js";
import { PACKED } from "./ours.js";

const FIRST = 1000;
const TEXTS = 10_000;
const IMAGES = 2000;
const MB = 1e6;
const MAX_GROWTH = 0.05;

/** Prints the resident memory after each step, and fails where it grew by more than 5% from the second to the last. */
export async function benchMemory(folder: string): Promise<void> {
  const texts = captions(TEXTS, [3, 16]);
  const jpegs = await Promise.all(Array.from({ length: 16 }, (_, i) => jpeg(640 + 16 * i, 480 + 8 * i)));
  const rss = (): number => {
    globalThis.gc?.();
    return process.memoryUsage.rss();
  };
  await using clip = await ChineseCLIP.fromPretrained(folder, { sessionOptions: PACKED });
  const rows: [string, number][] = [["model opened", rss()]];
  const embed = async (fromText: number, toText: number, images: number): Promise<void> => {
    for (let start = fromText; start < toText; start += FIRST) await clip.embedText(texts.slice(start, start + FIRST));
    let seen = 0;
    for await (const result of clip.embedImages(Array.from({ length: images }, (_, i) => jpegs[i % jpegs.length] ?? new Uint8Array()))) {
      if ("error" in result) throw result.error;
      seen++;
    }
    if (seen !== images) throw new Error(`benchMemory: expected ${images} embeddings, got ${seen}`);
  };
  await embed(0, FIRST, FIRST);
  const early = rss();
  rows.push([`after ${FIRST.toLocaleString("en")} texts and ${FIRST.toLocaleString("en")} images`, early]);
  await embed(FIRST, TEXTS, IMAGES - FIRST);
  const late = rss();
  rows.push([`after ${TEXTS.toLocaleString("en")} texts and ${IMAGES.toLocaleString("en")} images`, late]);

  console.log("\n### Resident memory, ViT-B/16 with three layers a tower, fp32\n\n| when | MB | of the second |\n|---|---:|---:|");
  for (const [when, bytes] of rows) console.log(`| ${when} | ${(bytes / MB).toFixed(0)} | ${(bytes / early).toFixed(3)} |`);
  if (!(late <= (1 + MAX_GROWTH) * early)) throw new Error("benchMemory: resident memory grew by more than 5%");
}

/** A JPEG of smooth colours. */
function jpeg(width: number, height: number): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i % 3) * 60 + Math.floor(i / 3 / width / 3) + (i % 97));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
}
