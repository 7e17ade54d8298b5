/**
 * The five published models: random weights in the shape and format of their files (cn_clip's `.pt`), loaded tower by tower, each in a process
 * of its own. What loading costs in time and memory, and whether the parameters add up.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ChineseCLIPConfig } from "@chinese-clip/model";
import { median } from "./compare.js";
import { Normals, product, randomTensor, tensorShapes } from "./random-weights.js";
import { type TensorToWrite, writeTorchFile } from "./torch-file.js";

interface PublishedModel {
  readonly name: string;
  /** As OFA's repositories name the file. */
  readonly file: string;
  /** In all, as cn_clip's README has it. */
  readonly parameters: number;
  readonly config: ChineseCLIPConfig;
}

const LARGE_TEXT = { hidden_size: 1024, num_hidden_layers: 24, num_attention_heads: 16, intermediate_size: 4096 };
const vit = (width: number, layers: number, patch: number, image = 224): object => ({ hidden_size: width, num_hidden_layers: layers, num_attention_heads: width === 768 ? 12 : 16, intermediate_size: 4 * width, patch_size: patch, image_size: image }); // prettier-ignore
const model = (
  name: string,
  file: string,
  parameters: number,
  projectionDim: number,
  vision: object,
  text: object = {},
): PublishedModel => ({
  name,
  file,
  parameters,
  config: ChineseCLIPConfig.fromJSON({
    model_type: "chinese_clip",
    projection_dim: projectionDim,
    text_config: { vocab_size: 21128, ...text },
    vision_config: vision,
  }),
});

const PUBLISHED: readonly PublishedModel[] = [
  model("RN50", "clip_cn_rn50.pt", 76_989_537, 1024, { model_type: "chinese_clip_modified_resnet" }, { num_hidden_layers: 3 }),
  model("ViT-B-16", "clip_cn_vit-b-16.pt", 188_262_913, 512, vit(768, 12, 16)),
  model("ViT-L-14", "clip_cn_vit-l-14.pt", 406_233_089, 768, vit(1024, 24, 14)),
  model("ViT-L-14-336", "clip_cn_vit-l-14-336.pt", 406_560_769, 768, vit(1024, 24, 14, 336)),
  model("ViT-H-14", "clip_cn_vit-h-14.pt", 957_598_209, 1024, vit(1280, 32, 14), LARGE_TEXT),
];

const RUNS = 3;
const MB = 1e6;

interface TowerLoad {
  readonly loadedMs: number;
  readonly firstMs: number;
  /** Resident memory with the package imported, before the load. */
  readonly rssBefore: number;
  readonly peakRss: number;
  readonly parameters: number;
}

/** Prints the table, and which peaks are 1.3 times the tower's weights or more: a small tower weighs less than the process around it. Makes the files (7 GB) at the first run. */
export async function benchPublishedModels(folder: string): Promise<void> {
  console.log("\n### The five published models: cold load of one tower from a `.pt`, each in a process of its own\n");
  console.log("| model | parameters | tower | weights MB | model ready ms | first result ms | RSS before MB | peak RSS MB | peak / weights | growth / weights |\n|---|---:|---|---:|---:|---:|---:|---:|---:|---:|"); // prettier-ignore
  const over: string[] = [];
  for (const published of PUBLISHED) {
    const path = await makeFile(folder, published);
    for (const tower of ["text", "vision"] as const) {
      const runs: TowerLoad[] = [];
      for (let i = 0; i < RUNS; i++) {
        const { stdout } = await promisify(execFile)(process.execPath, [
          fileURLToPath(new URL("children/load-tower.mjs", import.meta.url)),
          path,
          tower,
        ]);
        runs.push(JSON.parse(stdout) as TowerLoad);
      }
      const { parameters = 0 } = runs[0] ?? {};
      if (parameters !== published.parameters)
        throw new Error(`${published.name}: expected ${published.parameters} parameters, got ${parameters}`);
      const weights = 4 * [...(await tensorShapes(published.config))].filter(([name]) => /^(text|vis)/.exec(name)?.[1]?.[0] === tower[0]).reduce((sum, [, shape]) => sum + product(shape), 0); // prettier-ignore
      const peak = median(runs.map(({ peakRss }) => peakRss));
      if (peak >= 1.3 * weights) over.push(`${published.name} ${tower}: ${(peak / weights).toFixed(2)}x`);
      const before = median(runs.map(({ rssBefore }) => rssBefore));
      const ms = (key: "loadedMs" | "firstMs"): string => median(runs.map((run) => run[key])).toFixed(0);
      console.log(`| ${published.name} | ${parameters.toLocaleString("en")} | ${tower} | ${(weights / MB).toFixed(0)} | ${ms("loadedMs")} | ${ms("firstMs")} | ${(before / MB).toFixed(0)} | ${(peak / MB).toFixed(0)} | ${(peak / weights).toFixed(2)} | ${((peak - before) / weights).toFixed(2)} |`); // prettier-ignore
    }
  }
  if (over.length > 0) console.log(`\nAbove 1.3 x weights: ${over.join("; ")}`);
}

async function makeFile(folder: string, { name, file, config }: PublishedModel): Promise<string> {
  const path = join(folder, name, file);
  if (existsSync(path) && (await stat(path)).size > 0) return path;
  await mkdir(join(folder, name), { recursive: true });
  const random = new Normals(20240501);
  const tensors: TensorToWrite[] = [];
  for (const [canonical, shape] of await tensorShapes(config)) {
    const [name_, stored] = cnClipName(canonical, shape);
    if (name_ !== undefined)
      tensors.push({ name: `module.${name_}`, shape: stored, values: () => randomTensor(canonical, stored, random) });
  }
  await writeTorchFile(path, name, tensors);
  return path;
}

/** cn_clip's name for a tensor, and the shape in which it is stored; q stands for the fused projection, k and v are in it. */
function cnClipName(name: string, shape: readonly number[]): [string | undefined, readonly number[]] {
  if (name === "text_projection.weight") return ["text_projection", shape.toReversed()];
  if (name === "visual_projection.weight") return ["visual.proj", shape.toReversed()];
  if (/self_attn\.[kv]_proj/.test(name)) return [undefined, shape];
  const fused = name.includes("self_attn.q_proj");
  const renamed = [
    [/^text_model\./, "bert."],
    [/^vision_model\.embeddings\.class_embedding/, "visual.class_embedding"],
    [/^vision_model\.embeddings\.patch_embedding/, "visual.conv1"],
    [/^vision_model\.embeddings\.position_embedding\.weight/, "visual.positional_embedding"],
    [/^vision_model\.pre_layrnorm/, "visual.ln_pre"],
    [/^vision_model\.post_layernorm/, "visual.ln_post"],
    [/^vision_model\.encoder\.layers\./, "visual.transformer.resblocks."],
    [/self_attn\.q_proj\./, "attn.in_proj_"],
    [/self_attn\.out_proj/, "attn.out_proj"],
    [/layer_norm([12])/, "ln_$1"],
    [/mlp\.fc1/, "mlp.c_fc"],
    [/mlp\.fc2/, "mlp.c_proj"],
  ].reduce((renaming, [from = "", to = ""]) => renaming.replace(from, to as string), name);
  return [renamed, fused ? [3 * (shape[0] ?? 0), ...shape.slice(1)] : shape];
}
