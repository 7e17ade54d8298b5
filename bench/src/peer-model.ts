/**
 * The benchmark checkpoint as transformers.js users have it: the combined ONNX graphs that Optimum and their conversion script write (float32, and
 * dynamically quantised to uint8), filled with the very weights of the checkpoint, and a `tokenizer.json` of its vocabulary.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { tokenizerJson } from "./peer-tokenizer.js";
import { SafetensorsValues } from "./safetensors-values.js";

/** How to fill a graph's data file from a checkpoint: `*.onnx.weights.json`. */
interface Recipe {
  readonly data_file: string;
  readonly bytes: number;
  readonly weights: readonly {
    readonly offset: number;
    readonly length: number;
    readonly dims: readonly number[];
    readonly tensor: string;
    readonly transposed: boolean;
    /** The quantised graph's tensor: the values as they are, or one of the three parts of a quantised tensor. */
    readonly dtype?: "float32" | "uint8" | "scale" | "zero_point";
  }[];
}

const FP32 = new URL("../../fixtures/onnx-export/", import.meta.url);
/** The quantised graph is 1 MB of repetition, so it is stored compressed. */
const QUANTIZED = new URL("../peers/onnx-export/", import.meta.url);

/**
 * Writes the folder beside the checkpoint's, unless it is there: `onnx/model.onnx` and `onnx/model_quantized.onnx` with their data files.
 *
 * @param folder - of the checkpoint, ViT-B/16.
 * @returns the folder that transformers.js can load.
 */
export async function makePeerModel(folder: string): Promise<string> {
  const target = `${folder}-onnx`;
  await mkdir(join(target, "onnx"), { recursive: true });
  for (const name of ["config.json", "preprocessor_config.json", "vocab.txt"]) await copyFile(join(folder, name), join(target, name));
  const vocab = await readFile(join(folder, "vocab.txt"), "utf8");
  await writeFile(join(target, "tokenizer.json"), JSON.stringify(tokenizerJson(vocab)));
  await writeFile(
    join(target, "tokenizer_config.json"),
    JSON.stringify({ tokenizer_class: "BertTokenizer", do_lower_case: true, model_max_length: 512, pad_token: "[PAD]" }),
  );
  const unzip = async (name: string): Promise<Buffer> => gunzipSync(await readFile(new URL(`${name}.gz`, QUANTIZED)));
  await fill(folder, join(target, "onnx"), "model.onnx", (name) => readFile(new URL(name, FP32)));
  await fill(folder, join(target, "onnx"), "model_quantized.onnx", unzip);
  return target;
}

/** Writes one graph and its data file. */
async function fill(checkpoint: string, target: string, graph: string, read: (name: string) => Promise<Buffer>): Promise<void> {
  const recipe = JSON.parse((await read(`${graph}.weights.json`)).toString()) as Recipe;
  const path = join(target, recipe.data_file);
  if (existsSync(path)) return;
  await writeFile(join(target, graph), await read(graph));
  const [source, data] = await Promise.all([SafetensorsValues.open(join(checkpoint, "model.safetensors")), open(`${path}.part`, "w")]);
  try {
    await data.truncate(recipe.bytes);
    for (const { offset, length, dims, tensor, transposed, dtype = "float32" } of recipe.weights) {
      const values = await source.values(tensor);
      const part = dtype === "float32" || dtype === "uint8" ? (transposed ? transpose(values, dims) : values) : values;
      const bytes = dtype === "float32" ? new Uint8Array(part.buffer) : quantizedPart(part, dtype);
      if (bytes.length !== length) throw new Error(`makePeerModel: expected ${length} bytes of ${tensor}, got ${bytes.length}`);
      await data.write(bytes, 0, length, offset);
    }
  } finally {
    await Promise.all([source.close(), data.close()]);
  }
  await rename(`${path}.part`, path);
}

/** A matrix stored as `[N, M]` as one of `dims`, `[M, N]`. */
function transpose(values: Float32Array, [rows = 0, columns = 0]: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[row * columns + column] = values[column * rows + row] ?? 0;
  return result;
}

/** ONNX Runtime's dynamic quantisation of a whole tensor to uint8: 255 steps from the minimum to the maximum, zero among them. */
function quantizedPart(values: Float32Array, part: "uint8" | "scale" | "zero_point"): Uint8Array {
  let [low, high] = [0, 0];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = (high - low) / 255;
  const zero = scale === 0 ? 0 : Math.round(-low / scale);
  if (part === "scale") return new Uint8Array(Float32Array.of(scale).buffer);
  if (part === "zero_point") return Uint8Array.of(zero);
  // The clamped array rounds and clamps as the recipe asks.
  const quantized = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) quantized[i] = (values[i] ?? 0) / scale + zero;
  return new Uint8Array(quantized.buffer);
}
