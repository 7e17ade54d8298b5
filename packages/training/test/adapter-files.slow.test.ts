/** A run's adapters by themselves: as PEFT writes them, and all that the run changed. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { trainingPlatform } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { describe, expect, it } from "vitest";
import { mergedWeight } from "../src/index.js";
import { train, type TrainOptions } from "../src/node/index.js";
import { drawings, TINY_MODEL } from "./drawings.js";
import { goldenJson, type GoldenTensor, goldenTensors } from "./fixtures.js";

interface PeftAdapter {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: readonly string[];
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

const PREFIX = "base_model.model.";
const peft = (await goldenJson("training/peft-lora.json")) as PeftAdapter;
const scratch = scratchFolder();
const { rank, alpha, targets } = peft;

async function runWith(
  given: Partial<TrainOptions>,
): Promise<Record<"adapter" | "saved", ReadonlyMap<string, GoldenTensor>> & { readonly config: unknown }> {
  const output = scratch.path(`run ${JSON.stringify(given).replaceAll(/\W/gu, "")}`);
  const options = { platform: trainingPlatform, model: TINY_MODEL, data: drawings(0, 16), output, batchSize: 8, steps: 4, learningRate: 1e-2, numThreads: 1 }; // prettier-ignore
  for await (const _ of train({ ...options, lora: { rank, alpha, targets }, ...given }));
  const read = (file: string): Promise<ReadonlyMap<string, GoldenTensor>> => goldenTensors(pathToFileURL(join(output, file)).href);
  return {
    adapter: await read("adapter/adapter_model.safetensors"),
    saved: await read("model.safetensors"),
    config: await goldenJson(pathToFileURL(join(output, "adapter/adapter_config.json")).href),
  };
}

describe("adapters by themselves", () => {
  it("have PEFT's names and shapes, and its configuration", async () => {
    const { adapter, config } = await runWith({});
    expect(Object.fromEntries([...adapter].map(([name, { dims }]) => [name, dims]))).toEqual(peft.tensors);
    expect(config).toMatchObject({ peft_type: "LORA", r: rank, lora_alpha: alpha, bias: "none", fan_in_fan_out: false, base_model_name_or_path: TINY_MODEL }); // prettier-ignore
    // PEFT adapts the layers that are named so, or end so behind a dot: no others than have tensors.
    const { target_modules: named } = config as { target_modules: string[] };
    const layers = Object.keys(peft.tensors).map((name) => name.slice(PREFIX.length).replace(/\.lora_[AB]\.weight$/u, ""));
    expect(new Set(named)).toEqual(new Set(layers));
  });

  it.each<Partial<TrainOptions>>([{}, { freeze: "vision", emaDecay: 0.5 }, { blocks: true, chunkSize: 4 }])(
    "on the model that was tuned are the saved model, its scale included, with %j",
    async (given) => {
      const { adapter, saved } = await runWith(given);
      const base = await goldenTensors("tiny-vit/model.safetensors");
      const valuesOf = (name: string): Float32Array => adapter.get(name)!.data as Float32Array;
      let changed = 0;
      for (const [name, { data }] of saved) {
        const layer = PREFIX + name.replace(/\.weight$/u, "");
        const before = base.get(name)!.data;
        const isAdapted = adapter.has(`${layer}.lora_A.weight`);
        const expected = isAdapted
          ? mergedWeight(before as Float32Array, valuesOf(`${layer}.lora_A.weight`), valuesOf(`${layer}.lora_B.weight`), { rank, alpha })
          : before;
        expect(data, name).toEqual(expected);
        if (isAdapted) expect(data, name).not.toEqual(before);
        changed += isAdapted ? 1 : 0;
      }
      expect(changed).toBe(adapter.size / 2);
      expect(changed).toBe(given.freeze === "vision" ? 6 : 12);
    },
  );
});
