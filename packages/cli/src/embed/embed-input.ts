/**
 * What `embed` takes, as a stream in an order that is the same in every run: pictures of a folder or a list, cn_clip's `*_imgs.tsv` and
 * `*_texts.jsonl`. Only one folder's names are in memory at a time.
 */
import { join } from "node:path";
import { DatasetError, shown } from "../dataset/dataset-error.js";
import { byCodePoints, entriesOf, isFolder, isPictureName } from "../evaluation/image-folder.js";
import { readImageTsv } from "../evaluation/image-tsv.js";
import { readLines } from "../evaluation/read-lines.js";

/** One thing to embed. */
export interface EmbedItem {
  /** Its id in the features: that of a tsv or jsonl file, else its place in the folder or list, from 0. */
  readonly id: number;
  /** The picture's file as it was named; the text; nothing for a picture of a tsv file. */
  readonly label: string | undefined;
  /** The picture's file or bytes, or the text. */
  readonly content: string | Uint8Array;
}

/** Folders within folders beyond which links are taken to lead in a circle. */
const DEEPEST = 32;

/**
 * Pictures of a folder and those below it: of each folder its pictures by name, then its folders by name, by code points.
 *
 * @throws DatasetError - `missing`; `empty`; `malformed` for a circle of links.
 */
export async function* folderPictures(root: string): AsyncGenerator<EmbedItem, void, undefined> {
  let id = 0;
  for await (const file of filesBelow(root, DEEPEST)) yield { id: id++, label: file, content: file };
  if (id === 0) throw new DatasetError("no-images", { extensions: ".jpg, .png or .webp", file: root });
}

async function* filesBelow(folder: string, left: number): AsyncGenerator<string, void, undefined> {
  if (left === 0) throw new DatasetError("folder-too-deep", { file: folder });
  const entries = (await entriesOf(folder)).sort((a, b) => byCodePoints(a.name, b.name));
  const folders: string[] = [];
  for (const entry of entries) {
    if (await isFolder(folder, entry)) folders.push(entry.name);
    else if (isPictureName(entry.name)) yield join(folder, entry.name);
  }
  for (const name of folders) yield* filesBelow(join(folder, name), left - 1);
}

/**
 * Pictures whose files are named one a line.
 *
 * @throws DatasetError - `empty`.
 */
export async function* listedPictures(stream: AsyncIterable<Uint8Array>): AsyncGenerator<EmbedItem, void, undefined> {
  let id = 0;
  const decoder = new TextDecoder();
  let pending = "";
  const item = (line: string): EmbedItem[] => {
    const file = line.replace(/\r$/, "");
    return file === "" ? [] : [{ id: id++, label: file, content: file }];
  };
  for await (const bytes of stream) {
    const lines = (pending + decoder.decode(bytes, { stream: true })).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) yield* item(line);
  }
  yield* item(pending + decoder.decode());
  if (id === 0) throw new DatasetError("no-paths", { file: "stdin" });
}

/** Pictures of a `*_imgs.tsv`. */
export async function* tsvPictures(file: string): AsyncGenerator<EmbedItem, void, undefined> {
  for await (const { id, bytes } of readImageTsv(file)) yield { id, label: undefined, content: bytes };
}

/**
 * Texts of a `*_texts.jsonl`; pictures that they name are of no interest here.
 *
 * @throws DatasetError - `missing`; `empty`; with the line: `malformed`, `invalid-id`, `duplicate-id`.
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

function parseTextLine(raw: string, file: string, line: number): { readonly id: number; readonly text: string } {
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
      got: shown(JSON.stringify(id)),
      file,
      line,
    });
  }
  if (typeof text !== "string") throw new DatasetError("missing-text", { file, line });
  return { id, text };
}
