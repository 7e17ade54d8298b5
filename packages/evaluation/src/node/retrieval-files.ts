/**
 * The files of an evaluation of retrieval, under cn_clip's names.
 */
import { basename, join } from "node:path";
import { readText, writeWhole } from "@chinese-clip/dataset";
import { invertAnnotation, parseAnnotation } from "../cn-clip/annotation.js";
import { formatJudgement } from "../cn-clip/recall.js";
import type { Annotation, RetrievalResult } from "../cn-clip/retrieval.js";

/**
 * Reads a `*_texts.jsonl`.
 *
 * @throws EvaluationError; DatasetError - as `readText`.
 */
export async function readAnnotation(file: string): Promise<Annotation> {
  const content = await readText(file);
  return { file, content, texts: parseAnnotation(content, file) };
}

/** What a set's files are called: of `valid_texts.jsonl`, `valid`. */
export function setName(annotationFile: string): string {
  return basename(annotationFile)
    .replace(/\.jsonl$/, "")
    .replace(/_texts$/, "");
}

/**
 * Writes a direction's files under cn_clip's names: `valid_predictions.jsonl` and `valid_output.json`; for the other direction
 * `valid_texts.tr.jsonl`, `valid_tr_predictions.jsonl` and `valid_tr_output.json`.
 *
 * @returns their paths.
 */
export async function writeRetrievalFiles(folder: string, annotation: Annotation, result: RetrievalResult): Promise<string[]> {
  const prefix = join(folder, setName(annotation.file));
  const infix = result.direction === "image-to-text" ? "_tr" : "";
  const files: (readonly [file: string, content: string])[] = [
    [`${prefix}${infix}_predictions.jsonl`, result.predictions],
    [`${prefix}${infix}_output.json`, formatJudgement(result.judgement)],
  ];
  if (result.direction === "image-to-text") files.unshift([`${prefix}_texts.tr.jsonl`, invertAnnotation(annotation.texts)]);
  for (const [file, content] of files) await writeWhole(file, [content]);
  return files.map(([file]) => file);
}
