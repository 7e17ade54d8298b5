/**
 * cn_clip's feature files, `*.img_feat.jsonl` and `*.txt_feat.jsonl`: one line for each image or text, its id and its normalised feature.
 */
import { DatasetError, shown, shownJson } from "../dataset-error.js";
import { LONGEST_FLOAT, writeAscii, writePythonFloat } from "./python-float.js";

/** Features with their ids. */
export interface Features {
  /** Ids, in the order of the rows. */
  readonly ids: readonly number[];
  /** float32 `[ids.length, dim]`, row by row. */
  readonly data: Float32Array;
  /** Values of one row. */
  readonly dim: number;
}

/** Name of the id in a feature file: of images or of texts. */
export type FeatureId = "image_id" | "text_id";

/** Bytes that {@link writeFeature} needs at most. */
export function featureBound(dim: number): number {
  return 64 + dim * (LONGEST_FLOAT + 2);
}

/**
 * Writes a line as `extract_features.py` does, without the end of line.
 *
 * @returns where it ends in `bytes`, which has {@link featureBound} of them from `at`.
 */
export function writeFeature(idName: FeatureId, id: number, feature: Float32Array, bytes: Uint8Array, at: number): number {
  let to = writeAscii(`{"${idName}": ${id}, "feature": [`, bytes, at);
  for (let i = 0; i < feature.length; i++) {
    if (i > 0) to = writeAscii(", ", bytes, to);
    to = writePythonFloat(feature[i] as number, bytes, to);
  }
  return writeAscii("]}", bytes, to);
}

/** A line as `extract_features.py` writes it, without the end of line. */
export function formatFeature(idName: FeatureId, id: number, feature: Float32Array): string {
  const bytes = new Uint8Array(featureBound(feature.length));
  return new TextDecoder().decode(bytes.subarray(0, writeFeature(idName, id, feature, bytes, 0)));
}

/**
 * Reads a line of a feature file.
 *
 * @throws DatasetError - it is not in this format.
 */
export function parseFeature(
  text: string,
  idName: FeatureId,
  file: string,
  line: number,
): { readonly id: number; readonly feature: Float32Array } {
  const object = parseJson(text, file, line);
  if (typeof object !== "object" || object === null) throw new DatasetError("not-an-object", { file, line });
  const { [idName]: id, feature } = object as Readonly<Record<string, unknown>>;
  if (id === undefined) {
    const other = idName === "image_id" ? "text_id" : "image_id";
    if (other in object) throw new DatasetError("swapped-files", { name: idName, other, file, line });
    throw new DatasetError("missing-field", { name: idName, file, line });
  }
  if (typeof id !== "number" || !Number.isSafeInteger(id)) {
    throw new DatasetError(typeof id === "string" ? "quoted-id" : "invalid-id", {
      name: idName,
      got: shownJson(id),
      file,
      line,
    });
  }
  // As float32, which has no number such as 1e39.
  const values = Array.isArray(feature) && feature.every((value) => typeof value === "number") ? Float32Array.from(feature) : undefined;
  if (values === undefined || values.length === 0 || !values.every(Number.isFinite))
    throw new DatasetError("missing-feature", { file, line });
  return { id, feature: values };
}

function parseJson(text: string, file: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(text.trimEnd().endsWith("}") ? "not-json" : "cut-line", { reason: shown(reason), file, line }, { cause });
  }
}
