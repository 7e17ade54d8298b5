/**
 * Which model made some features, in a small file beside them: two models may give features of one length, and nothing in the numbers tells them
 * apart. What counts is the tower's weights, wherever they lie and whatever they are called, and the number format.
 */
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DiskModelFiles, openModel, type PretrainedOptions } from "@chinese-clip/node";
import type { Checkpoint } from "@chinese-clip/model";
import { EXPORT_FILES, isGraphFile, ModelReader } from "@chinese-clip/pipeline";
import { DatasetError } from "../dataset/dataset-error.js";
import { writeWhole } from "../evaluation/write-whole.js";

/** Which of a model's towers. */
export type Tower = "image" | "text";

/** What features were made with. */
export interface ModelRecord {
  /** The model as it was named. */
  readonly model: string;
  readonly tower: Tower;
  readonly dtype: string;
  /** A hash over the tower's tensors: names, shapes, number formats and the first bytes of each; in hex. */
  readonly weights: string;
}

const TENSORS: Readonly<Record<Tower, RegExp>> = {
  image: /^(?:vision_model\.|visual\.|visual_projection\.)/u,
  text: /^text_(?:model\.|projection\.)/u,
};

/** Bytes of a tensor that count: training changes all of a tensor, and whole files are gigabytes. */
const SAMPLE = 256;

/** Parts of an ONNX export that count, each of {@link SAMPLE} bytes: its tensors have no names. */
const PARTS = 256;

/**
 * Reads a record from a model's files, which must be on this machine already.
 *
 * @throws CheckpointError - the weights cannot be read.
 */
export async function recordModel(source: string, tower: Tower, options: PretrainedOptions): Promise<ModelRecord> {
  const files = await openModel(source, { ...options, localFilesOnly: true, onProgress: undefined });
  const hash = createHash("sha256");
  const { dtype = "fp32" } = options;
  const weights = await new ModelReader(files, options).weights();
  if ("tensors" in weights) await hashCheckpoint(files, tower, weights, hash);
  else await hashExport(files, hash);
  return { model: source, tower, dtype, weights: hash.digest("hex").slice(0, 32) };
}

type Hash = ReturnType<typeof createHash>;

async function hashCheckpoint(files: DiskModelFiles, tower: Tower, { tensors }: Checkpoint, hash: Hash): Promise<void> {
  const own = [...tensors].filter(([name]) => TENSORS[tower].test(name)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const byFile = new Map<string, Awaited<ReturnType<typeof open>>>();
  try {
    const bytes = new Uint8Array(SAMPLE);
    for (const [name, { dtype: format, shape, file, byteOffset, byteLength }] of own) {
      const handle = byFile.get(file) ?? (await open(join(files.folderOf([file]), file), "r"));
      byFile.set(file, handle);
      hash.update(JSON.stringify([name, format, shape]));
      const { bytesRead } = await handle.read(bytes, 0, Math.min(SAMPLE, byteLength), byteOffset);
      hash.update(bytes.subarray(0, bytesRead));
    }
  } finally {
    await Promise.all([...byFile.values()].map((handle) => handle.close()));
  }
}

async function hashExport(files: DiskModelFiles, hash: Hash): Promise<void> {
  for (const name of new Set([...(await files.list()).filter((file) => isGraphFile(file)), EXPORT_FILES[0] ?? ""])) {
    const file = await files.open(name);
    if (file === undefined) continue;
    hash.update(String(file.byteLength));
    for (let part = 0; part < PARTS; part++) {
      const at = Math.floor((part * Math.max(0, file.byteLength - SAMPLE)) / PARTS);
      hash.update(await file.read(at, Math.min(file.byteLength, at + SAMPLE)));
    }
  }
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
 * @throws DatasetError - `malformed`.
 */
export async function readRecord(features: string): Promise<ModelRecord | undefined> {
  const file = recordFile(features);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) {
      const { model, tower, dtype, weights } = value as Readonly<Record<string, unknown>>;
      if (typeof model === "string" && (tower === "image" || tower === "text") && typeof dtype === "string" && typeof weights === "string")
        return { model, tower, dtype, weights };
    }
  } catch {
    // Said below.
  }
  throw new DatasetError("invalid-record", { file });
}

/**
 * Makes sure that features are gone on with by the model and in the number format that they were begun with.
 *
 * @throws DatasetError - `model`.
 */
export function checkSameRecord(features: string, before: ModelRecord, now: ModelRecord): void {
  if (before.weights === now.weights && before.dtype === now.dtype) return;
  if (before.weights === now.weights)
    throw new DatasetError("output-dtype", { recorded: before.dtype, current: now.dtype, file: features });
  throw new DatasetError("output-model", { recorded: before.model, current: nameOf(now, before), file: features });
}

/**
 * Makes sure that features can be searched by a model: that they are of its tower, in whichever number format.
 *
 * @throws DatasetError - `model`.
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
