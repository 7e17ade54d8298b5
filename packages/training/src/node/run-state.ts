/**
 * What a run goes on from: `state.safetensors`, with the step, the settings, and each trained parameter with its moments. It is written with the model in
 * one commit and is whole by itself.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointFile, CheckpointError, safetensorsHeader, type StoredTensor } from "@chinese-clip/model";
import { readTensorFile } from "@chinese-clip/model/graph";
import { isAbsent, writingTo } from "@chinese-clip/pipeline/node";
import type { Parameter } from "../graphs/training-graph.js";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { TrainingError } from "../training-error.js";
import { textsOf } from "./settings-record.js";

/** The state's file in a run's folder. */
export const STATE_FILE = "state.safetensors";

const PARTS = ["parameter", "first", "second"] as const;
/** `base`: a weight without its adapter, which the model's file has in it. */
type SavedPart = (typeof PARTS)[number] | "average" | "base";

/** What is stored of a run, beside its tensors. */
export interface RunRecord {
  /** Steps that are done. */
  readonly step: number;
  /** The settings that its steps follow from, as text by name. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The state of a run, on the disk. */
export interface SavedRun extends RunRecord {
  /** A parameter's values, or one of its moments; undefined where the state has none. */
  read(parameter: Parameter, part: SavedPart): Promise<Float32Array | undefined>;
}

/**
 * Writes the state of a run.
 *
 * @param folder - where to, such as a staging folder.
 * @param bases - weights that have adapters.
 */
export async function writeRunState(
  folder: string,
  record: RunRecord,
  memory: ParameterMemory,
  bases: readonly string[] = [],
): Promise<void> {
  const parts: readonly SavedPart[] = memory.isAveraged ? [...PARTS, "average"] : PARTS;
  const trained = memory.trained.flatMap((name) => parts.map((part) => ({ name, part })));
  const statistics = memory.statistics.map((name) => ({ name, part: "parameter" as const }));
  const names = [...trained, ...statistics, ...bases.map((name) => ({ name, part: "base" as const }))];
  const headers = names.map(({ name, part }) => ({ name: `${part}.${name}`, dtype: "F32" as const, shape: memory.tensor(name).dims }));
  const metadata = { run: JSON.stringify(record) };
  await writeTensorFile(join(folder, STATE_FILE), safetensorsHeader(headers, metadata), names, ({ name, part }) =>
    memory.read(name, part === "base" ? "parameter" : part),
  );
}

/** Writes a safetensors file tensor by tensor. */
export async function writeTensorFile<Item>(
  path: string,
  header: Uint8Array,
  items: readonly Item[],
  read: (item: Item) => Promise<Float32Array | Uint8Array>,
): Promise<void> {
  await writingTo(path, async () => {
    const handle = await open(path, "w");
    try {
      await handle.writeFile(header);
      for (const item of items) {
        const { buffer, byteOffset, byteLength } = await read(item);
        await handle.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
  });
}

/**
 * Reads a run's state.
 *
 * @returns undefined where there is none.
 * @throws TrainingError - `damaged-state`.
 */
export async function readRunState(folder: string): Promise<SavedRun | undefined> {
  const path = join(folder, STATE_FILE);
  const file = await fileAt(path);
  if (file === undefined) return undefined;
  const damaged = (reason: string, cause?: unknown): TrainingError => new TrainingError("damaged-state", { reason, file: path }, { cause });
  const { tensors, metadata } = await readTensorFile(file).catch((cause: unknown) => {
    throw cause instanceof CheckpointError ? damaged(cause.message, cause) : cause;
  });
  const record = parseRecord(metadata["run"]);
  if (record === undefined) throw damaged("it names no step");
  return {
    ...record,
    async read({ name, dims }, part) {
      const tensor = tensors.get(`${part}.${name}`);
      if (tensor === undefined) return undefined;
      if (tensor.dtype !== "F32" || String(tensor.shape) !== String(dims))
        throw damaged(`expected ${name} as F32 [${dims.join(", ")}], got ${tensor.dtype} [${tensor.shape.join(", ")}]`);
      return floatsOf(file, tensor);
    },
  };
}

function parseRecord(text: string | undefined): RunRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
  const { step, settings } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const texts = textsOf(settings);
  return typeof step === "number" && Number.isSafeInteger(step) && texts !== undefined ? { step, settings: texts } : undefined;
}

/** A tensor's values. */
export async function floatsOf(file: CheckpointFile, { byteOffset, byteLength }: StoredTensor): Promise<Float32Array> {
  const bytes = await file.read(byteOffset, byteOffset + byteLength);
  return new Float32Array(bytes.buffer, bytes.byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
}

/** Ranges of a file; undefined where there is none. */
export async function fileAt(path: string): Promise<CheckpointFile | undefined> {
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const handle = await open(path);
    try {
      const bytes = new Uint8Array(end - start);
      for (let filled = 0; filled < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw new TrainingError("damaged-state", { reason: "it is cut short", file: path });
        filled += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  };
  try {
    const handle = await open(path);
    const { size } = await handle.stat();
    await handle.close();
    return { name: path, byteLength: size, read };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
