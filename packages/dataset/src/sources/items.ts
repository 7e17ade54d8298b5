/**
 * What is embedded, as a stream in an order that is the same in every run: images of a folder or a list, cn_clip's `*_imgs.tsv` and
 * `*_texts.jsonl`. Only one folder's names are in memory at a time.
 */
import { readImageTsv } from "../cn-clip/image-tsv.js";
import { DatasetError, shown, shownJson } from "../dataset-error.js";
import { readLines } from "../files/read-lines.js";
import { imageInput, listImages } from "../images/list-images.js";
import type { FilePath, SkippedFiles } from "../images/walk-folder.js";
import { listedFiles } from "./list-file.js";

/** One thing to embed. */
export interface EmbedItem {
  /** Its id in the features: that of a tsv or jsonl file, else its place in the folder or list, from 0. */
  readonly id: number;
  /** The image's file as it was named; the text; nothing for an image of a tsv file. */
  readonly label: string | undefined;
  /** The image's file or bytes, or the text. */
  readonly content: string | Uint8Array;
}

/**
 * Images of a folder and those below it.
 *
 * @param skipped - gets what is no image, and the folders that cannot be read.
 * @throws DatasetError - as `listImages`.
 */
export function folderImages(root: string, skipped?: SkippedFiles): AsyncGenerator<EmbedItem, void, undefined> {
  return imageItems(listImages(root, skipped));
}

/**
 * Images whose files are named one a line.
 *
 * @throws DatasetError - `no-paths`.
 */
export function listedImages(stream: AsyncIterable<Uint8Array>): AsyncGenerator<EmbedItem, void, undefined> {
  return imageItems(listedFiles(stream));
}

async function* imageItems(files: AsyncIterable<FilePath>): AsyncGenerator<EmbedItem, void, undefined> {
  let id = 0;
  for await (const file of files) yield { id: id++, label: file.label, content: await imageInput(file) };
}

/** Images of a `*_imgs.tsv`. */
export async function* tsvImages(file: string): AsyncGenerator<EmbedItem, void, undefined> {
  for await (const { id, bytes } of readImageTsv(file)) yield { id, label: undefined, content: bytes };
}

/**
 * Texts of a `*_texts.jsonl`; images that they name are of no interest here.
 *
 * @throws DatasetError - no such file, nothing in it; with the line, one that is not in this format.
 */
export async function* jsonlTexts(file: string): AsyncGenerator<EmbedItem, void, undefined> {
  const lineOf = new Map<number, number>();
  for await (const { number: line, text: raw } of readLines(file)) {
    const { id, text } = parseTextLine(raw, file, line);
    const before = lineOf.get(id);
    if (before !== undefined) {
      throw new DatasetError("duplicate-id", { name: "text_id", id, before, file, line });
    }
    lineOf.set(id, line);
    yield { id, label: text, content: text };
  }
  if (lineOf.size === 0) {
    throw new DatasetError("no-texts", { file });
  }
}

/**
 * Parses a line of a `*_texts.jsonl`.
 *
 * @throws DatasetError - it is not in this format.
 */
export function parseTextLine(raw: string, file: string, line: number): { readonly id: number; readonly text: string } {
  let object: unknown;
  try {
    object = JSON.parse(raw);
  } catch (cause) {
    throw new DatasetError("not-json", { reason: shown(String(cause)), file, line }, { cause });
  }
  if (typeof object !== "object" || object === null) throw new DatasetError("not-an-object", { file, line });
  const { text_id: id, text } = object as Readonly<Record<string, unknown>>;
  if (typeof id !== "number" || !Number.isSafeInteger(id)) {
    throw new DatasetError(typeof id === "string" ? "quoted-id" : "invalid-id", {
      name: "text_id",
      got: shownJson(id),
      file,
      line,
    });
  }
  if (typeof text !== "string") throw new DatasetError("missing-text", { file, line });
  return { id, text };
}
