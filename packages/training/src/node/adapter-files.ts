/** Adapters by themselves, as PEFT writes them: `adapter_model.safetensors` and `adapter_config.json`. They are loaded onto the model that was tuned. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { safetensorsHeader } from "@chinese-clip/model";
import type { Adapter, LoraOptions } from "../graphs/adapters.js";
import type { ParameterMemory } from "../optimizer/parameter-memory.js";
import { writeTensorFile } from "./run-state.js";

/** Adapters, and where their values are. */
export interface AdapterFiles {
  readonly adapters: readonly Adapter[];
  readonly lora: LoraOptions;
  readonly memory: ParameterMemory;
  readonly part: "parameter" | "average";
  /** The model that they were trained on. */
  readonly base: unknown;
}

/** Writes adapters into a folder of their own. */
export async function writeAdapter(folder: string, { adapters, lora, memory, part, base }: AdapterFiles): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = adapters.flatMap(({ a, b }) => [a, b]);
  const headers = names.map((name) => ({ name: `base_model.model.${name}`, dtype: "F32" as const, shape: memory.tensor(name).dims }));
  await writeTensorFile(join(folder, "adapter_model.safetensors"), safetensorsHeader(headers, { format: "pt" }), names, (name) =>
    memory.read(name, part),
  );
  const config = {
    peft_type: "LORA",
    base_model_name_or_path: typeof base === "string" ? base : null,
    r: lora.rank,
    lora_alpha: lora.alpha ?? 2 * lora.rank,
    lora_dropout: 0,
    target_modules: adapters.map(({ weight }) => weight.replace(/\.weight$/u, "")), // by their whole names: a frozen tower has none
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
  };
  await writeFile(join(folder, "adapter_config.json"), `${JSON.stringify(config, null, 2)}\n`);
}
