/**
 * Makes a checkpoint of the published shape with seeded random weights, since nothing may be downloaded.
 */
import { existsSync } from "node:fs";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ChineseCLIPConfig } from "@chinese-clip/model";
import { Normals, product, randomTensor, tensorShapes } from "./random-weights.js";

/** Chinese-CLIP ViT-B/16: the published configuration, 188,262,913 parameters, 753 MB. */
export const VIT_B_16: ChineseCLIPConfig = ChineseCLIPConfig.fromJSON({
  model_type: "chinese_clip",
  projection_dim: 512,
  text_config: { vocab_size: 21128 },
  vision_config: { patch_size: 16 },
});

/** The same with three layers for each tower's twelve: every buffer as large, in a quarter of the time. */
export const VIT_B_16_SHALLOW: ChineseCLIPConfig = ChineseCLIPConfig.fromJSON({
  model_type: "chinese_clip",
  projection_dim: 512,
  text_config: { vocab_size: 21128, num_hidden_layers: 3 },
  vision_config: { patch_size: 16, num_hidden_layers: 3 },
});

/** A tower that takes almost no time, at the published resolution: what is left of `embedImages` is decoding and resizing. */
export const NARROW: ChineseCLIPConfig = ChineseCLIPConfig.fromJSON({
  model_type: "chinese_clip",
  projection_dim: 64,
  text_config: { vocab_size: 21128, hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 64 },
  vision_config: { patch_size: 32, hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 64 },
});

const PREPROCESSOR = {
  feature_extractor_type: "ChineseCLIPFeatureExtractor",
  do_center_crop: false,
  do_normalize: true,
  do_resize: true,
  resample: 3,
  size: { height: 224, width: 224 },
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};

/**
 * Writes `config.json`, `preprocessor_config.json`, `vocab.txt` and `model.safetensors` into `folder`, unless they are there.
 *
 * @returns the folder.
 */
export async function makeRandomCheckpoint(folder: string, config: ChineseCLIPConfig): Promise<string> {
  const path = join(folder, "model.safetensors");
  if (existsSync(path)) return folder;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config, undefined, 2));
  await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(PREPROCESSOR, undefined, 2));
  await writeFile(join(folder, "vocab.txt"), vocabulary(config.textConfig.vocabSize));

  const shapes = await tensorShapes(config);
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of shapes) {
    const byteLength = 4 * product(shape);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + byteLength] };
    offset += byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  padded.set(json);

  const file = await open(`${path}.part`, "w");
  try {
    await file.write(new Uint8Array(BigUint64Array.of(BigInt(padded.length)).buffer));
    await file.write(padded);
    const random = new Normals(20240501);
    for (const [name, shape] of shapes) await file.write(new Uint8Array(randomTensor(name, shape, random).buffer));
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  return folder;
}

/** As many lines as the embedding has rows, laid out as the published vocabulary is: special tokens at their places, then ideographs. */
function vocabulary(size: number): string {
  const special = new Map([[0, "[PAD]"], [100, "[UNK]"], [101, "[CLS]"], [102, "[SEP]"], [103, "[MASK]"]]); // prettier-ignore
  const ideograph = (id: number): string => String.fromCodePoint(0x4e00 + id - 104);
  const entry = (id: number): string => special.get(id) ?? (id < 104 ? `[unused${id}]` : ideograph(id));
  return Array.from({ length: Math.min(size, 104 + 20_992) }, (_, id) => `${entry(id)}\n`).join("");
}
