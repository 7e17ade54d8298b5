/**
 * Makes a checkpoint of the published shape with seeded random weights, since nothing may be downloaded and speed does not depend on the
 * values: matrices normal with deviation 0.7 / sqrt(fan-in), embeddings 0.04, LayerNorm weights 1 + 0.1 normal, biases 0.02 normal.
 */
import { existsSync } from "node:fs";
import { mkdir, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildTextGraph, buildVisionGraph, Checkpoint, ChineseCLIPConfig, type StoredTensor } from "@chinese-clip/model";

/** Chinese-CLIP ViT-B/16: the published configuration, 188,262,913 parameters, 753 MB. */
export const VIT_B_16: ChineseCLIPConfig = ChineseCLIPConfig.fromJSON({
  model_type: "chinese_clip",
  projection_dim: 512,
  text_config: { vocab_size: 21128 },
  vision_config: { patch_size: 16 },
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

/** A checkpoint that holds whatever it is asked for, and remembers it: the graphs themselves say which tensors a model has. */
class TensorList extends Checkpoint {
  readonly shapes: Map<string, readonly number[]> = new Map([["logit_scale", []]]);

  constructor() {
    super(new Map(), []);
  }

  override tensor(name: string, shape: readonly number[]): StoredTensor {
    this.shapes.set(name, shape);
    return { dtype: "F32", shape, file: "", byteOffset: 0, byteLength: 0, transposed: false };
  }
}

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

  const list = new TensorList();
  buildTextGraph(config.textConfig, list, { kind: "features" }, config.projectionDim);
  buildVisionGraph(config.visionConfig, list, { kind: "features" }, config.projectionDim);
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of list.shapes) {
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
    for (const [name, shape] of list.shapes) await file.write(new Uint8Array(values(name, shape, random).buffer));
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  return folder;
}

function values(name: string, shape: readonly number[], random: Normals): Float32Array {
  const count = product(shape);
  if (name === "logit_scale") return Float32Array.of(4.6052);
  if (/layer_?norm|pre_layrnorm/i.test(name) && name.endsWith("weight")) return random.fill(count, 1, 0.1);
  if (name.endsWith("bias")) return random.fill(count, 0, 0.02);
  if (name.includes("embeddings.") && !name.includes("patch_embedding")) return random.fill(count, 0, 0.04);
  return random.fill(count, 0, 0.7 / Math.sqrt(product(shape.slice(1))));
}

/** As many lines as the embedding has rows, laid out as the published vocabulary is: special tokens at their places, then ideographs. */
function vocabulary(size: number): string {
  const special = new Map([[0, "[PAD]"], [100, "[UNK]"], [101, "[CLS]"], [102, "[SEP]"], [103, "[MASK]"]]); // prettier-ignore
  const ideograph = (id: number): string => String.fromCodePoint(0x4e00 + id - 104);
  const entry = (id: number): string => special.get(id) ?? (id < 104 ? `[unused${id}]` : ideograph(id));
  return Array.from({ length: Math.min(size, 104 + 20_992) }, (_, id) => `${entry(id)}\n`).join("");
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Normal numbers drawn by a xorshift generator from a table of 65,536: quick, seeded, and random enough to time matrix products with. */
class Normals {
  readonly #table: Float32Array = new Float32Array(1 << 16);
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
    for (let i = 0; i < this.#table.length; i++) {
      const [u, v] = [(this.#next() + 1) / 4294967297, this.#next() / 4294967296];
      this.#table[i] = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    }
  }

  fill(count: number, mean: number, deviation: number): Float32Array {
    const filled = new Float32Array(count);
    for (let i = 0; i < count; i++) filled[i] = mean + deviation * (this.#table[this.#next() >>> 16] ?? 0);
    return filled;
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
}
