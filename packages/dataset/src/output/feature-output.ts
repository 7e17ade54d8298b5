/**
 * Files of features that grow row by row and can be resumed after a kill: what is torn at the end is cut, and the rows before stay.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writingTo } from "@chinese-clip/pipeline/node";
import { formatNpyHead, NPY_HEAD, parseNpyHead } from "@chinese-clip/search";
import { DatasetError } from "../dataset-error.js";
import { featureBound, type FeatureId, writeFeature } from "../cn-clip/feature-lines.js";
import type { EmbedItem } from "../sources/items.js";
import type { Shard } from "./shard.js";
import { lockOutput } from "./output-lock.js";
import { checkSignature } from "./signature.js";

/** A row to be written. */
export interface FeatureRow {
  /** What was embedded. */
  readonly item: EmbedItem;
  /** float32, `dim` values. */
  readonly embedding: Float32Array;
}

/** A growing file. */
export interface FeatureOutput {
  /** Its files; the first one names the output. */
  readonly files: readonly string[];
  /** Rows that were there when it was opened. */
  readonly rows: number;
  /** What the last of them says of its input. */
  readonly last: Pick<EmbedItem, "id" | "label"> | undefined;
  /** Writes rows at the end. */
  append(rows: readonly FeatureRow[]): Promise<void>;
  /** Makes the file whole, closes it and gives its lock back. */
  close(): Promise<void>;
}

/** How rows of images and of texts are written. */
export interface RowNames {
  /** Name of the id. */
  readonly id: FeatureId;
  /** Name of the label. */
  readonly label: "image_path" | "caption";
  /** Whether cn_clip's lines have the label too. */
  readonly labelled: boolean;
  /** Prefix of clip-retrieval's folder. */
  readonly kind: "img" | "text";
}

/**
 * Opens cn_clip's feature file, to create or to resume it.
 *
 * @throws DatasetError - `foreign-output`, `output-without-id`: the file is something else; `output-length`: of another model; `output-locked`.
 */
export async function openJsonlOutput(file: string, names: RowNames, dim: number): Promise<FeatureOutput> {
  await writingTo(file, () => mkdir(dirname(file), { recursive: true }));
  const unlock = await lockOutput(file);
  let handle: FileHandle | undefined;
  try {
    await checkSignature(file, `{"${names.id}":`);
    const opened = await writingTo(file, () => open(file, "a+"));
    handle = opened;
    const { lines, end, last } = await scanLines(file, Infinity);
    const object = last === undefined ? undefined : parseRow(last, names, file, lines);
    const feature = object?.["feature"];
    // cn_clip's list of texts begins like its features.
    if (object !== undefined && !Array.isArray(feature)) throw new DatasetError("foreign-output", { file });
    if (Array.isArray(feature) && feature.length !== dim) throw otherModel(file, feature.length, dim);
    await writingTo(file, () => opened.truncate(end));
    const linesOf = lineWriter(names, dim);
    return {
      files: [file],
      rows: lines,
      last: object === undefined ? undefined : keyOf(object, names),
      append: (rows) => writingTo(file, () => opened.appendFile(linesOf(rows))),
      async close() {
        try {
          await writingTo(file, () => opened.close());
        } finally {
          await unlock();
        }
      },
    };
  } catch (error) {
    await handle?.close();
    await unlock();
    throw error;
  }
}

/** Writes rows as lines, always into the same bytes, which are good until the next call. */
function lineWriter(names: RowNames, dim: number): (rows: readonly FeatureRow[]) => Uint8Array {
  let bytes = Buffer.alloc(0);
  return (rows) => {
    const ends = rows.map(({ item }) => (names.labelled ? `, "${names.label}": ${JSON.stringify(item.label)}}\n` : "}\n"));
    const most = ends.reduce((sum, end) => sum + Buffer.byteLength(end), 0) + rows.length * featureBound(dim);
    if (bytes.length < most) bytes = Buffer.allocUnsafe(most);
    let at = 0;
    for (const [i, { item, embedding }] of rows.entries()) {
      at = writeFeature(names.id, item.id, embedding, bytes, at) - 1;
      at += bytes.write(ends[i] ?? "", at);
    }
    return bytes.subarray(0, at);
  };
}

/**
 * Opens clip-retrieval's pair, `img_emb/img_emb_0.npy` and `metadata/metadata_0.jsonl`, to create or to resume it.
 *
 * @throws DatasetError - as {@link openJsonlOutput}.
 */
export async function openNpyOutput(folder: string, names: RowNames, dim: number, { index, count }: Shard): Promise<FeatureOutput> {
  const part = String(index).padStart(Math.floor(Math.log10(count)) + 1, "0");
  const vectors = join(folder, `${names.kind}_emb`, `${names.kind}_emb_${part}.npy`);
  const metadata = join(folder, "metadata", `${names.kind === "img" ? "" : "text_"}metadata_${part}.jsonl`);
  for (const file of [vectors, metadata]) await writingTo(file, () => mkdir(dirname(file), { recursive: true }));
  const unlock = await lockOutput(vectors);
  const handles: FileHandle[] = [];
  try {
    await checkSignature(vectors, formatNpyHead(0, dim).subarray(0, 6));
    await checkSignature(metadata, `{"${names.id}":`);
    const values = await writingTo(vectors, () => open(vectors, "a+"));
    handles.push(values);
    const lines = await writingTo(metadata, () => open(metadata, "a+"));
    handles.push(lines);
    const whole = await writingTo(vectors, () => npyRows(values, vectors, dim));
    const { lines: rows, end, last } = await scanLines(metadata, whole);
    await writingTo(metadata, () => lines.truncate(end));
    await writingTo(vectors, () => values.truncate(NPY_HEAD + rows * dim * 4));
    const object = last === undefined ? undefined : parseRow(last, names, metadata, rows);
    let written = rows;
    return {
      files: [vectors, metadata],
      rows,
      last: object === undefined ? undefined : keyOf(object, names),
      append: async (added) => {
        for (const { embedding } of added) if (embedding.length !== dim) throw otherModel(vectors, embedding.length, dim);
        const rowBytes = added.map(({ embedding: { buffer, byteOffset, byteLength } }) => Buffer.from(buffer, byteOffset, byteLength));
        const text = added.map(({ item }) => `${JSON.stringify({ [names.id]: item.id, [names.label]: item.label })}\n`).join("");
        await writingTo(vectors, () => values.appendFile(Buffer.concat(rowBytes)));
        await writingTo(metadata, () => lines.appendFile(text));
        written += added.length;
      },
      close: async () => {
        await Promise.all(handles.map((handle) => handle.close()));
        // A file opened to append is written at its end, wherever one asks.
        const handle = await writingTo(vectors, () => open(vectors, "r+"));
        try {
          await writingTo(vectors, () => handle.write(formatNpyHead(written, dim), 0, NPY_HEAD, 0));
        } finally {
          await handle.close();
          await unlock();
        }
      },
    };
  } catch (error) {
    await Promise.all(handles.map((handle) => handle.close()));
    await unlock();
    throw error;
  }
}

/** Whole rows of a `.npy` file, by its size; a head that is not whole is written again. */
async function npyRows(handle: FileHandle, file: string, dim: number): Promise<number> {
  const { size } = await handle.stat();
  if (size < NPY_HEAD) {
    await handle.truncate(0);
    await handle.appendFile(formatNpyHead(0, dim));
    return 0;
  }
  const bytes = new Uint8Array(NPY_HEAD);
  await handle.read(bytes, 0, NPY_HEAD, 0);
  const head = parseNpyHead(bytes);
  if (head === undefined || head.offset !== NPY_HEAD) {
    throw new DatasetError("foreign-output", { file });
  }
  if (head.dim !== dim) throw otherModel(file, head.dim, dim);
  return Math.floor((size - NPY_HEAD) / (4 * dim));
}

/** Whole lines of a file, `most` at most: how many, where they end, and the last. */
export async function scanLines(
  file: string,
  most: number,
): Promise<{ readonly lines: number; readonly end: number; readonly last: string | undefined }> {
  let [lines, end, at] = [0, 0, 0];
  let last: Buffer | undefined;
  let begun: Buffer[] = [];
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer;
    let from = 0;
    for (let to = bytes.indexOf(10); to >= 0 && lines < most; to = bytes.indexOf(10, from)) {
      last = Buffer.concat([...begun, bytes.subarray(from, to)]);
      begun = [];
      from = to + 1;
      end = at + from;
      lines++;
    }
    if (lines >= most) break;
    begun.push(Buffer.from(bytes.subarray(from)));
    at += bytes.length;
  }
  return { lines, end, last: last?.toString() };
}

function parseRow(text: string, names: RowNames, file: string, line: number): Readonly<Record<string, unknown>> {
  try {
    const object: unknown = JSON.parse(text);
    if (typeof object === "object" && object !== null && names.id in object) return object as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new DatasetError("output-without-id", { name: names.id, file, line });
}

function keyOf(object: Readonly<Record<string, unknown>>, names: RowNames): Pick<EmbedItem, "id" | "label"> {
  const { [names.id]: id, [names.label]: label } = object;
  return { id: Number(id), label: typeof label === "string" ? label : undefined };
}

function otherModel(file: string, found: number | undefined, dim: number): DatasetError {
  return new DatasetError("output-length", { got: found ?? 0, expected: dim, file });
}
