/**
 * Pairs from cn_clip's files: `train_imgs.tsv` and `train_texts.jsonl`. Only the places of the images are in memory; an image's line is read when the
 * image is needed.
 */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { missingFile, readLines } from "@chinese-clip/dataset";
import { DatasetError, shown, shownJson } from "@chinese-clip/dataset/formats";
import { openFile } from "@chinese-clip/pipeline/node";
import { type PairList, type SkippedPair, type TrainingImage, type TrainingPair, usablePairs } from "../../data/pairs.js";

/**
 * Pairs of a folder in cn_clip's format: each text with each of its images.
 *
 * @param split - `train` for `train_imgs.tsv` and `train_texts.jsonl`.
 * @throws DatasetError - a file that is missing or not in this format, an id that is there twice.
 */
export async function cnClipPairs(folder: string, split = "train"): Promise<PairList> {
  const images = await indexImageTsv(join(folder, `${split}_imgs.tsv`));
  const file = join(folder, `${split}_texts.jsonl`);
  const pairs: TrainingPair[] = [];
  const skipped: SkippedPair[] = [];
  const lineOf = new Map<number, number>();
  for await (const { number: line, text: raw } of readLines(file)) {
    const { id, text, imageIds } = parseTextLine(raw, file, line);
    const before = lineOf.get(id);
    if (before !== undefined) throw new DatasetError("duplicate-id", { name: "text_id", id, before, file, line });
    lineOf.set(id, line);
    for (const imageId of imageIds) {
      const image = images.get(imageId);
      if (image === undefined) skipped.push({ name: `${file}, line ${line}: image ${imageId}`, reason: "missing-image" });
      else pairs.push({ image, text });
    }
  }
  if (lineOf.size === 0) throw new DatasetError("no-texts", { file });
  return usablePairs(folder, pairs, skipped);
}

interface TextLine {
  readonly id: number;
  readonly text: string;
  readonly imageIds: readonly number[];
}

function parseTextLine(raw: string, file: string, line: number): TextLine {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (cause) {
    throw new DatasetError("not-json", { reason: shown(String(cause)), file, line }, { cause });
  }
  if (typeof value !== "object" || value === null) throw new DatasetError("not-an-object", { file, line });
  const { text_id: id, text, image_ids: imageIds } = value as Readonly<Record<string, unknown>>;
  if (!isId(id))
    throw new DatasetError(typeof id === "string" ? "quoted-id" : "invalid-id", { name: "text_id", got: shownJson(id), file, line });
  if (typeof text !== "string") throw new DatasetError("missing-text", { file, line });
  if (!Array.isArray(imageIds)) throw new DatasetError("missing-field", { name: "image_ids", file, line });
  const other: unknown = imageIds.find((one) => !isId(one));
  if (other !== undefined) throw new DatasetError("invalid-id", { name: "image_ids", got: shownJson(other), file, line });
  return { id, text, imageIds: imageIds as readonly number[] };
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

const [TAB, NEWLINE] = [9, 10];

/** In characters of those that a message shows; nothing longer is an id. */
const MAX_ID_LENGTH = 1024;

/** Where each image's base64 lies in a `*_imgs.tsv`. */
async function indexImageTsv(file: string): Promise<ReadonlyMap<number, TrainingImage>> {
  const images = new Map<number, TrainingImage>();
  const lineOf = new Map<number, number>();
  let [offset, line, tab] = [0, 1, -1];
  let id = "";
  let lineStart = 0;
  let stamp = "";
  const finish = (end: number): void => {
    if (end > lineStart + 1) {
      if (tab < 0) throw new DatasetError("tsv-fields", { got: 1, file, line });
      const number = Number(id);
      if (!/^-?\d+$/u.test(id) || !Number.isSafeInteger(number)) throw new DatasetError("named-image", { got: shown(id), file, line });
      const before = lineOf.get(number);
      if (before !== undefined) throw new DatasetError("duplicate-id", { name: "id", id: number, before, file, line });
      lineOf.set(number, line);
      const [start, stop] = [tab + 1, end];
      images.set(number, { name: `${file}: image ${number}`, read: () => readBase64(file, stamp, start, stop) });
    }
    [line, tab, id, lineStart] = [line + 1, -1, "", end + 1];
  };
  try {
    const handle = await openFile(file);
    stamp = await stampOf(handle);
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      let at = 0;
      while (at < chunk.length) {
        if (tab < 0) {
          const found = chunk.subarray(at).findIndex((byte) => byte === TAB || byte === NEWLINE);
          const stop = found < 0 ? chunk.length : at + found;
          id += chunk.toString("latin1", at, Math.min(stop, at + 64)); // an id is short; of anything else a message needs the start
          at = stop;
          if (id.length > MAX_ID_LENGTH) finish(offset + at);
          if (found < 0) break;
          if (chunk[at] === TAB) tab = offset + at++;
          else finish(offset + at++);
        } else {
          const found = chunk.indexOf(NEWLINE, at);
          if (found < 0) break;
          finish(offset + found);
          at = found + 1;
        }
      }
      offset += chunk.length;
    }
  } catch (cause) {
    throw cause instanceof DatasetError ? cause : missingFile(file, cause);
  }
  if (offset > lineStart) finish(offset);
  if (images.size === 0) throw new DatasetError("no-tsv-images", { file });
  return images;
}

async function readBase64(file: string, stamp: string, start: number, end: number): Promise<Uint8Array> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(end - start);
    let filled = 0;
    for (let bytesRead = 1; bytesRead > 0 && filled < bytes.length; filled += bytesRead)
      ({ bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled));
    if ((await stampOf(handle)) !== stamp) throw new DatasetError("replaced-while-read", { file }); // the line may be another image's
    return Buffer.from(bytes.toString("latin1"), "base64");
  } finally {
    await handle.close();
  }
}

/** What tells that a file is still the one whose lines were found. */
async function stampOf(handle: FileHandle): Promise<string> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  return `${size} ${mtimeNs}`;
}
