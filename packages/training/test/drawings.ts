/** Pairs of the example's drawings and their captions. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type PairList, type TrainingImage, usablePairs } from "../src/index.js";

const folder = fileURLToPath(new URL("../../../examples/pictures/", import.meta.url));

/** The model that the tests train. */
export const TINY_MODEL: string = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));

/** Another one, as one file. */
export const TINY_RN50: string = fileURLToPath(new URL("../../../fixtures/tiny-rn50/clip_cn_tiny-rn50.pt", import.meta.url));

interface Drawing {
  readonly file: string;
  readonly caption: string;
}

export const DRAWINGS: readonly Drawing[] = JSON.parse(readFileSync(`${folder}pictures.json`, "utf8")) as Drawing[];

export function drawingPath(file: string): string {
  return folder + file;
}

/** The drawings from one number to another. */
export function drawings(start = 0, end?: number): PairList {
  const pairs = DRAWINGS.slice(start, end).map(({ file, caption }) => {
    const image: TrainingImage = { name: file, read: async () => drawingPath(file) };
    return { image, text: caption };
  });
  return usablePairs("drawings", pairs);
}
