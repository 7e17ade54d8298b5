/**
 * cn_clip's `*_imgs.tsv`: a line for each image, its id, a tab, the file's bytes in base64.
 */
import { DatasetError, shown } from "../dataset-error.js";
import { readLines } from "../files/read-lines.js";

/** One image of a `*_imgs.tsv`. */
export interface TsvImage {
  /** The image's id. */
  readonly id: number;
  /** The encoded image: JPEG, PNG and so on. */
  readonly bytes: Uint8Array;
  /** The line that it is on, counted from 1. */
  readonly line: number;
}

/** Standard and URL-safe base64, which cn_clip's reader both takes. */
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/**
 * The images of a `*_imgs.tsv`, one after the other.
 *
 * @throws DatasetError - no such file, nothing in it; with the line, one that is not in this format.
 */
export async function* readImageTsv(file: string): AsyncGenerator<TsvImage, void, undefined> {
  const lineOf = new Map<number, number>();
  for await (const { number: line, text } of readLines(file)) {
    const image = parseImageLine(text, file, line);
    const before = lineOf.get(image.id);
    if (before !== undefined) {
      throw new DatasetError("duplicate-id", { name: "id", id: image.id, before, file, line });
    }
    lineOf.set(image.id, line);
    yield image;
  }
  if (lineOf.size === 0) throw new DatasetError("no-tsv-images", { file });
}

/**
 * Parses a line of a `*_imgs.tsv`.
 *
 * @throws DatasetError - it is not in this format.
 */
export function parseImageLine(text: string, file: string, line: number): TsvImage {
  const [id = "", base64, ...more] = text.trim().split("\t");
  if (base64 === undefined || more.length > 0) {
    throw new DatasetError("tsv-fields", { got: more.length + (base64 === undefined ? 1 : 2), file, line });
  }
  if (!/^-?\d+$/.test(id) || !Number.isSafeInteger(Number(id))) {
    throw new DatasetError("named-image", { got: shown(id), file, line });
  }
  if (!BASE64.test(base64) || base64.replace(/(?<!=)=+$/, "").length % 4 === 1) {
    throw new DatasetError("not-base64", { file, line });
  }
  return { id: Number(id), bytes: Buffer.from(base64, "base64"), line };
}
