/**
 * Which model made some features, in a small file beside them: two models may give features of one length, and nothing in the numbers tells them
 * apart. What counts is the tower's weights, wherever they lie and whatever they are called, and the dtype.
 */
import { readFile } from "node:fs/promises";
import { isAbsent } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";
import { writeWhole } from "../files/write-whole.js";

/** Which of a model's towers. */
export type Tower = "image" | "text";

/** What features were made with. */
export interface ModelRecord {
  /** The model as it was named. */
  readonly model: string;
  /** The tower that made them. */
  readonly tower: Tower;
  /** `fp32`, `fp16`, `q8` or `q4`. */
  readonly dtype: string;
  /** How the images were decoded, where that is not `exact`. */
  readonly decode?: "fast";
  /** A hash over the tower's tensors: names, shapes, dtypes and the first bytes of each; in hex. */
  readonly weights: string;
}

/** The record's file beside a file of features. */
export function recordFile(features: string): string {
  return `${features}.model.json`;
}

/** Writes the record beside a file of features. */
export async function writeRecord(features: string, record: ModelRecord): Promise<void> {
  await writeWhole(recordFile(features), [`${JSON.stringify(record, null, 2)}\n`]);
}

/**
 * Reads the record beside a file of features.
 *
 * @returns undefined where there is none: older features, or other tools'.
 * @throws DatasetError - `invalid-record`.
 */
export async function readRecord(features: string): Promise<ModelRecord | undefined> {
  const file = recordFile(features);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      const { model, tower, dtype, decode, weights } = value as Readonly<Record<string, unknown>>;
      const isKnown = (tower === "image" || tower === "text") && (decode === undefined || decode === "fast");
      if (typeof model === "string" && isKnown && typeof dtype === "string" && typeof weights === "string")
        return { model, tower, dtype, ...(decode === undefined ? {} : { decode }), weights };
    }
  } catch {
    // Said below.
  }
  throw new DatasetError("invalid-record", { file });
}

/**
 * Makes sure that a resumed output was created with the same weights, dtype and decoding.
 *
 * @throws DatasetError - `output-model`, `output-dtype`, `output-decode`.
 */
export function checkSameRecord(features: string, before: ModelRecord, now: ModelRecord): void {
  if (before.weights === now.weights && before.dtype === now.dtype && before.decode === now.decode) return;
  if (before.weights === now.weights && before.dtype === now.dtype)
    throw new DatasetError("output-decode", { recorded: before.decode ?? "exact", current: now.decode ?? "exact", file: features });
  if (before.weights === now.weights)
    throw new DatasetError("output-dtype", { recorded: before.dtype, current: now.dtype, file: features });
  throw new DatasetError("output-model", { recorded: before.model, current: nameOf(now, before), file: features });
}

/**
 * Makes sure that features can be searched with a model: its tower made them, in any dtype.
 *
 * @throws DatasetError - `other-model`.
 */
export async function checkFeaturesOf(features: string, recordOf: (tower: Tower) => Promise<ModelRecord>): Promise<void> {
  const before = await readRecord(features);
  if (before === undefined) return;
  const now = await recordOf(before.tower);
  if (before.weights === now.weights) return;
  throw new DatasetError("other-model", {
    recorded: before.model,
    current: nameOf(now, before),
    record: recordFile(features),
    file: features,
  });
}

/** With the start of its hash where both models have one name. */
function nameOf({ model, weights }: ModelRecord, before: ModelRecord): string {
  return model === before.model ? `${model} (${weights.slice(0, 8)})` : model;
}
