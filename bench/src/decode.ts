/**
 * `decode: "fast"` beside `"exact"`: images per second of decoding and resizing alone and to q8 embeddings, and what it changes: embeddings of
 * images like photos, and the best images for a caption among drawings of the trained demo checkpoint.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { Random, randomCaption, randomScene, renderSvg } from "@chinese-clip/drawings";
import { cosine, dot } from "@chinese-clip/search";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { compare, formatMs } from "./compare.js";
import { photo } from "./photo.js";
import { makeRandomCheckpoint, NARROW } from "./random-checkpoint.js";

const DEMO = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
const PHOTOS = 8;
const DRAWINGS = 400;
const CAPTIONS = 200;
const BATCH = 8;
/** Promised of the fast way: the smallest cosine with the exact way's embedding, and their mean. */
const LEAST_COSINE = 0.99;
const LEAST_MEAN = 0.998;
const WAYS = ["exact", "fast"] as const;

/** Prints both tables. Fails where an embedding is further from the exact one than promised. */
export async function benchDecode(folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "chinese-clip-decode-"));
  try {
    const photos: string[] = [];
    for (let i = 0; i < PHOTOS; i++) {
      const path = join(scratch, `${i}.jpg`);
      // Sides that are no multiples of a block, too: of these a decoder that shrinks leaves out what does not fill a pixel.
      await writeFile(path, await (await photo(4032 - i, 3024 - i, i + 1)).jpeg({ quality: 88 }).toBuffer());
      photos.push(path);
    }
    const drift = await driftOfPhotos(folder, photos);
    await benchSpeed(folder, photos, await makeRandomCheckpoint(join(scratch, "narrow"), NARROW));
    console.log("\n| images | cosine with exact, smallest | mean | best image of a caption changed | of its best ten |");
    console.log("|---|---:|---:|---:|---:|");
    console.log(`| ${PHOTOS} photos of 12 megapixels, ViT-B/16 | ${drift.least.toFixed(5)} | ${drift.mean.toFixed(5)} | | |`);
    await benchDrawings();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function benchSpeed(folder: string, photos: readonly string[], narrow: string): Promise<void> {
  const models = await Promise.all(
    WAYS.flatMap((decode) => [ChineseCLIP.fromPretrained(narrow, { decode }), ChineseCLIP.fromPretrained(folder, { decode, dtype: "q8" })]),
  );
  try {
    const [exactAlone, exactQ8, fastAlone, fastQ8] = models;
    const run = (clip: ChineseCLIP | undefined) => (): Promise<Float32Array[]> => embedAll(clip, photos);
    const stages = [
      { what: "decoded and resized", exact: run(exactAlone), fast: run(fastAlone) },
      { what: "to q8 embeddings", exact: run(exactQ8), fast: run(fastQ8) },
    ];
    console.log(`\n### ${photos.length} JPEGs of 12 megapixels, ViT-B/16 q8\n`);
    console.log("| what | exact, ms an image | fast, ms an image | fast is faster by |\n|---|---:|---:|---:|");
    for (const { what, ...ways } of stages) {
      const contestants = WAYS.map((name) => ({ name, run: ways[name] }));
      const [exact, fast] = await compare(contestants, { rounds: 9, warmup: 1, restMs: 200, budgetMs: 20_000 });
      if (exact === undefined || fast === undefined) throw new Error("benchDecode: expected two timings");
      const [slow, quick] = [exact.medianMs / photos.length, fast.medianMs / photos.length];
      console.log(`| ${what} | ${formatMs(slow)} | ${formatMs(quick)} | ${(slow / quick).toFixed(2)}x |`);
    }
  } finally {
    for (const model of models) await model.dispose();
  }
}

async function driftOfPhotos(folder: string, photos: readonly string[]): Promise<Drift> {
  const [exact, fast] = await bothWays(folder, photos);
  return driftBetween(exact, fast);
}

/** Drawings of 640 to 1,600 pixels, and captions of them. */
async function benchDrawings(): Promise<void> {
  const random = new Random(5);
  const scenes = Array.from({ length: DRAWINGS }, () => randomScene(random));
  const images: Buffer[] = [];
  for (const scene of scenes) {
    const [width, height] = [random.choice([640, 900, 1280, 1600]), random.choice([640, 960, 1200])];
    images.push(
      await sharp(Buffer.from(renderSvg(scene, random, width, height)))
        .jpeg({ quality: 88 })
        .toBuffer(),
    );
  }
  const texts = scenes.slice(0, CAPTIONS).map((scene) => randomCaption(scene, random).text);
  await using clip = await ChineseCLIP.fromPretrained(DEMO);
  const { data, dim } = await clip.embedText(texts);
  const [exact, fast] = await bothWays(DEMO, images);
  const drift = driftBetween(exact, fast);
  let [firstChanged, tenthsChanged] = [0, 0];
  for (let row = 0; row < texts.length; row++) {
    const query = data.subarray(row * dim, (row + 1) * dim);
    const [before, after] = [bestTen(exact, query), bestTen(fast, query)];
    if (before[0] !== after[0]) firstChanged++;
    tenthsChanged += before.filter((image) => !after.includes(image)).length;
  }
  const share = (changed: number, of: number): string => `${((100 * changed) / of).toFixed(1)}%`;
  console.log(
    `| ${DRAWINGS} drawings of 0.4 to 1.9 megapixels, demo checkpoint | ${drift.least.toFixed(5)} | ${drift.mean.toFixed(5)} | ` +
      `${share(firstChanged, texts.length)} | ${share(tenthsChanged, 10 * texts.length)} |`,
  );
}

function bestTen(rows: readonly Float32Array[], query: Float32Array): number[] {
  const scores = rows.map((row) => dot(row, query));
  return [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, 10);
}

async function bothWays(folder: string, images: readonly (string | Uint8Array)[]): Promise<[exact: Float32Array[], fast: Float32Array[]]> {
  const results: Float32Array[][] = [];
  for (const decode of WAYS) {
    await using clip = await ChineseCLIP.fromPretrained(folder, { decode });
    results.push(await embedAll(clip, images));
  }
  return results as [Float32Array[], Float32Array[]];
}

/** Cosines of embeddings with the exact way's. */
interface Drift {
  readonly least: number;
  readonly mean: number;
}

function driftBetween(exact: readonly Float32Array[], fast: readonly Float32Array[]): Drift {
  const cosines = exact.map((row, i) => cosine(row, fast[i] ?? new Float32Array(row.length)));
  const least = Math.min(...cosines);
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  if (!(least >= LEAST_COSINE && mean >= LEAST_MEAN)) {
    throw new Error(`benchDecode: expected cosines of ${LEAST_COSINE} and ${LEAST_MEAN} in the mean, got ${least} and ${mean}`);
  }
  return { least, mean };
}

async function embedAll(clip: ChineseCLIP | undefined, images: readonly (string | Uint8Array)[]): Promise<Float32Array[]> {
  if (clip === undefined) throw new Error("benchDecode: expected a model");
  const embeddings: Float32Array[] = [];
  for await (const result of clip.embedImages(images, { batchSize: BATCH })) {
    if ("error" in result) throw result.error;
    embeddings.push(result.embedding);
  }
  return embeddings;
}
