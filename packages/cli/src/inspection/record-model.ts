/**
 * Which model this is, from its files: what counts is a tower's weights, wherever they lie and whatever they are called, and the dtype.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { ModelRecord, Tower } from "@chinese-clip/dataset";
import { type DiskModelFiles, openModel, type PretrainedOptions } from "@chinese-clip/node";
import type { Checkpoint } from "@chinese-clip/model";
import { EXPORT_FILES, isGraphFile, ModelReader } from "@chinese-clip/pipeline";

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
  const { dtype = "fp32", decode } = options;
  const weights = await new ModelReader(files, options).weights();
  if ("tensors" in weights) await hashCheckpoint(files, tower, weights, hash);
  else await hashExport(files, hash);
  const isFast = decode === "fast" && tower === "image";
  return { model: source, tower, dtype, ...(isFast ? { decode } : {}), weights: hash.digest("hex").slice(0, 32) };
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
