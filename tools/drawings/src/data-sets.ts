/**
 * Drawings as data sets in cn_clip's formats: `*_imgs.tsv` and `*_texts.jsonl` for retrieval, a folder for each class for zero-shot
 * classification. The same seed makes the same files.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Caption, isTrueOf, randomCaption } from "./caption.js";
import { Random } from "./random.js";
import { renderImage } from "./render.js";
import { randomScene, type Scene } from "./scene.js";
import { THING_NAMES } from "./vocabulary.js";

/** A drawing: what is on it, how it is described, and its file. */
export interface Drawing {
  readonly scene: Scene;
  readonly caption: Caption;
  /** A PNG's bytes. */
  readonly bytes: Buffer;
}

/** `count` drawings, the things by turns, so that each class has as many as the next. */
export async function makeDrawings(count: number, seed: number): Promise<Drawing[]> {
  const random = new Random(seed);
  const drawings: Drawing[] = [];
  for (let i = 0; i < count; i++) {
    const scene = randomScene(random, THING_NAMES[i % THING_NAMES.length]);
    const caption = randomCaption(scene, random);
    drawings.push({ scene, caption, bytes: await renderImage(scene, random) });
  }
  return drawings;
}

/** Where a retrieval data set lies. */
export interface RetrievalFiles {
  readonly images: string;
  readonly texts: string;
}

/**
 * Writes `test_imgs.tsv` and `test_texts.jsonl`: each drawing with one caption, and for each caption all drawings that it is true of.
 * Images have the ids 1, 2, …; texts 1001, 1002, ….
 */
export async function writeRetrieval(drawings: readonly Drawing[], folder: string): Promise<RetrievalFiles> {
  await mkdir(folder, { recursive: true });
  const files = { images: join(folder, "test_imgs.tsv"), texts: join(folder, "test_texts.jsonl") };
  await writeFile(files.images, drawings.map(({ bytes }, i) => `${i + 1}\t${bytes.toString("base64")}\n`).join(""));
  const texts = drawings.map(({ caption }, i) => ({
    text_id: 1001 + i,
    text: caption.text,
    image_ids: drawings.flatMap(({ scene }, other) => (isTrueOf(caption, scene) ? [other + 1] : [])),
  }));
  await writeFile(files.texts, texts.map((text) => `${JSON.stringify(text)}\n`).join(""));
  return files;
}

/** Writes `label_cn.txt` and `test/000/…`, one folder for each of the 24 things, in the order of the labels. */
export async function writeZeroShot(drawings: readonly Drawing[], folder: string): Promise<void> {
  for (const [label] of THING_NAMES.entries()) await mkdir(join(folder, "test", classId(label)), { recursive: true });
  await writeFile(join(folder, "label_cn.txt"), THING_NAMES.map((name) => `${name}\n`).join(""));
  for (const [i, { scene, bytes }] of drawings.entries()) {
    const name = `${String(i + 1).padStart(4, "0")}.png`;
    await writeFile(join(folder, "test", classId(THING_NAMES.indexOf(scene.thing)), name), bytes);
  }
}

/** A class's folder: three digits, so that the alphabet's order is that of the labels. */
function classId(label: number): string {
  return String(label).padStart(3, "0");
}
