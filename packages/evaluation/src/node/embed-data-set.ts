/**
 * The images and texts of a retrieval data set to features, as cn_clip's `extract_features.py` makes them: texts prepared for evaluation,
 * images in the order of cn_clip's LMDB, which sorts ids as text. The order decides between equal scores.
 */
import { type DatasetEmbedder, type Features, readImageTsv } from "@chinese-clip/dataset";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import type { AnnotatedText } from "../cn-clip/annotation.js";
import { unreadableImages } from "../unreadable-images.js";

/** Texts that are embedded between two reports of progress. */
const TEXTS_AT_ONCE = 256;

/** Unreadable images that are named in a message. */
const MOST_NAMED = 5;

/**
 * Embeds texts.
 *
 * @param onProgress - told how many are done.
 */
export async function embedAnnotatedTexts(
  texts: readonly AnnotatedText[],
  embedder: Pick<DatasetEmbedder, "embedText">,
  onProgress: (done: number) => void,
): Promise<Features> {
  const parts: Float32Array[] = [];
  let dim = 0;
  for (let start = 0; start < texts.length; start += TEXTS_AT_ONCE) {
    const part = await embedder.embedText(texts.slice(start, start + TEXTS_AT_ONCE).map(({ text }) => preprocessEvalText(text)));
    parts.push(part.data);
    dim = part.dim;
    onProgress(Math.min(start + TEXTS_AT_ONCE, texts.length));
  }
  return { ids: texts.map(({ textId }) => textId), data: joinRows(parts), dim };
}

/**
 * Embeds the images of a `*_imgs.tsv`.
 *
 * @returns features sorted by the ids as text.
 * @throws EvaluationError - `unreadable-image`, `unreadable-images`: some cannot be read; all are tried before it is thrown, and the first lines named.
 */
export async function embedTsvImages(file: string, embedder: DatasetEmbedder, onProgress: (done: number) => void): Promise<Features> {
  const rows: { readonly id: number; readonly embedding: Float32Array }[] = [];
  const unreadable: { readonly line: number; readonly error: unknown }[] = [];
  let done = 0;
  for await (const result of embedder.embedImages(readImageTsv(file), { imageOf: ({ bytes }) => bytes })) {
    const { id, line } = result.input;
    if ("error" in result) unreadable.push({ line, error: result.error });
    else rows.push({ id, embedding: result.embedding });
    onProgress(++done);
  }
  const [first] = unreadable;
  if (first !== undefined) {
    const reason = first.error instanceof Error ? first.error.message : String(first.error);
    const place = { file, line: first.line };
    const others = unreadable.slice(1, MOST_NAMED).map(({ line }) => `line ${line}`);
    throw unreadableImages(reason, others, unreadable.length, place, first.error);
  }
  rows.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
  return {
    ids: rows.map(({ id }) => id),
    data: joinRows(rows.map(({ embedding }) => embedding)),
    dim: rows[0]?.embedding.length ?? 0,
  };
}

function joinRows(parts: readonly Float32Array[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
