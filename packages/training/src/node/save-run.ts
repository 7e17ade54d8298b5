/** Writes what a run has reached: the model with its trained tensors, the state, and adapters by themselves, in one commit. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointFile, safetensorsHeader } from "@chinese-clip/model";
import { readTensorFile } from "@chinese-clip/model/graph";
import { stageFolder } from "@chinese-clip/pipeline/node";
import { type Adapter, type LoraOptions, mergedWeight } from "../graphs/adapters.js";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { writeAdapter } from "./adapter-files.js";
import { type RunRecord, writeRunState, writeTensorFile } from "./run-state.js";

const MODEL_FILE = "model.safetensors";

/** Adapters of a run, which the model's weights get. */
export interface SavedAdapters {
  readonly adapters: readonly Adapter[];
  readonly lora: LoraOptions | undefined;
  /** The model that they were trained on. */
  readonly source: unknown;
}

/**
 * Saves a run. The model's trained tensors become float32; the others are copied as they are.
 *
 * @param folder - has the model of the last save, or the initial one.
 */
export async function saveRun(
  folder: string,
  record: RunRecord,
  memory: ParameterMemory,
  { adapters, lora, source: base }: SavedAdapters,
): Promise<void> {
  const part = memory.isAveraged ? "average" : "parameter";
  const path = join(folder, MODEL_FILE);
  const source = await open(path);
  try {
    const { size } = await source.stat();
    const read = async (start: number, end: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(end - start);
      for (let filled = 0; filled < bytes.length;) {
        const { bytesRead } = await source.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw new Error(`${path}: expected ${size} bytes, but the file ends before`);
        filled += bytesRead;
      }
      return bytes;
    };
    const file: CheckpointFile = { name: path, byteLength: size, read };
    const changed = new Map(memory.trained.map((name) => [name, () => memory.read(name, part)]));
    for (const name of memory.statistics) changed.set(name, () => memory.read(name));
    for (const { weight, a, b } of adapters) {
      if (lora !== undefined)
        changed.set(weight, async () =>
          mergedWeight(await memory.read(weight), await memory.read(a, part), await memory.read(b, part), lora),
        );
    }
    const tensors = [...(await readTensorFile(file)).tensors].map(([name, tensor]) => ({
      name,
      tensor,
      header: { name, dtype: changed.has(name) ? ("F32" as const) : tensor.dtype, shape: tensor.shape },
    }));
    // Wide elements first, so that each begins at a multiple of its size.
    const width = ({ header: { dtype } }: (typeof tensors)[number]): number => (dtype === "F64" ? 8 : dtype === "F32" ? 4 : 2);
    const sorted = tensors.toSorted((a, b) => width(b) - width(a));
    await stageFolder(folder, async (staging) => {
      await writeTensorFile(
        join(staging, MODEL_FILE),
        safetensorsHeader(sorted.map(({ header }) => header), { format: "pt" }), // prettier-ignore
        sorted,
        ({ name, tensor }) => changed.get(name)?.() ?? read(tensor.byteOffset, tensor.byteOffset + tensor.byteLength),
      );
      if (lora !== undefined) await writeAdapter(join(staging, "adapter"), { adapters, lora, memory, part, base });
      await writeRunState(staging, record, memory, adapters.map(({ weight }) => weight)); // prettier-ignore
    });
  } finally {
    await source.close();
  }
}
