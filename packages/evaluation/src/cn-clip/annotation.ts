/**
 * The annotation of images found by texts turned round: cn_clip's `transform_ir_annotation_to_tr.py`, byte for byte.
 */
import { DatasetError, shown } from "@chinese-clip/dataset/formats";
import { EvaluationError } from "../evaluation-error.js";
import { dumpPythonJson } from "../python/python-format.js";
import { loadPythonJson, PythonJsonError } from "../python/python-json.js";
import { equalityKey, isDict, isInt, isList, type PythonValue } from "../python/python-value.js";
import { pythonStrip } from "./recall.js";

/** One line of a `*_texts.jsonl`. */
export interface AnnotatedText {
  /** Its id. */
  readonly textId: number;
  /** The text. */
  readonly text: string;
  /** Ids of the images that it describes; none if that is not known. */
  readonly imageIds: readonly bigint[];
  /** The line that it is on, counted from 1. */
  readonly line: number;
}

/**
 * The lines of a `*_texts.jsonl`: `{"text_id": 1, "text": "…", "image_ids": [2]}`.
 *
 * @throws DatasetError, EvaluationError - a line that is not in this format, an id twice, nothing in it.
 */
export function parseAnnotation(content: string, file: string): AnnotatedText[] {
  const seen = new Map<number, number>();
  const texts = content.split("\n").flatMap((raw, index): AnnotatedText[] => {
    if (raw.trim() === "") return [];
    const line = index + 1;
    const parsed = parseAnnotationLine(raw, file, line);
    const before = seen.get(parsed.textId);
    if (before !== undefined) {
      throw new DatasetError("duplicate-id", { name: "text_id", id: parsed.textId, before, file, line });
    }
    seen.set(parsed.textId, line);
    return [parsed];
  });
  if (texts.length === 0) throw new EvaluationError("no-annotated-texts", { file });
  return texts;
}

function parseAnnotationLine(raw: string, file: string, line: number): AnnotatedText {
  const object = parseObject(raw, file, line);
  const text = object.get("text");
  if (typeof text !== "string") {
    throw new DatasetError("missing-text", { file, line });
  }
  const imageIds = object.get("image_ids");
  if (imageIds === undefined || !isList(imageIds)) {
    throw new EvaluationError("missing-image-ids", { file, line });
  }
  const ids = imageIds.map((id) => {
    if (isInt(id)) return BigInt(id);
    throw new EvaluationError("invalid-image-id", { got: shown(dumpPythonJson(id)), file, line });
  });
  return { textId: safeId(object.get("text_id"), "text_id", file, line), text, imageIds: ids, line };
}

/** A line's JSON object. */
function parseObject(raw: string, file: string, line: number): ReadonlyMap<string, PythonValue> {
  try {
    const object = loadPythonJson(pythonStrip(raw));
    if (isDict(object)) return object;
  } catch (cause) {
    if (!(cause instanceof PythonJsonError)) throw cause;
    throw new DatasetError("not-json", { reason: shown(cause.message), file, line }, { cause });
  }
  throw new DatasetError("not-an-object", { file, line });
}

/** An id that JavaScript can hold. */
function safeId(id: PythonValue | undefined, name: string, file: string, line: number): number {
  if (id === undefined) throw new DatasetError("missing-field", { name, file, line });
  if (typeof id === "bigint" && Number.isSafeInteger(Number(id))) return Number(id);
  throw new DatasetError(typeof id === "string" ? "quoted-id" : "invalid-id", { name, got: shown(dumpPythonJson(id)), file, line });
}

/** `X.tr.jsonl` of an annotation: which texts describe each image, images in the order in which they are first named. */
export function invertAnnotation(texts: readonly Pick<AnnotatedText, "textId" | "imageIds">[]): string {
  const byImage = new Map<string, { readonly id: bigint; readonly textIds: bigint[] }>();
  for (const { textId, imageIds } of texts) {
    for (const id of imageIds) {
      const key = equalityKey(id);
      const entry = byImage.get(key) ?? { id, textIds: [] };
      byImage.set(key, entry);
      entry.textIds.push(BigInt(textId));
    }
  }
  return [...byImage.values()]
    .map(
      ({ id, textIds }) =>
        `${dumpPythonJson(
          new Map<string, PythonValue>([
            ["image_id", id],
            ["text_ids", textIds],
          ]),
        )}\n`,
    )
    .join("");
}
