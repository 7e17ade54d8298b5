/**
 * The combined ONNX graph that transformers.js users run for ViT-B/16, filled with the random checkpoint's weights, against the checkpoint
 * itself: the same features from both, and what each costs to load.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { ChineseCLIPModel, Tensor } from "@chinese-clip/node";

/** How to fill the graph's data file from a checkpoint: `model.onnx.weights.json`. */
interface Recipe {
  readonly data_file: string;
  readonly bytes: number;
  readonly weights: readonly {
    readonly offset: number;
    readonly length: number;
    readonly dims: readonly number[];
    readonly tensor: string;
    readonly transposed: boolean;
  }[];
}

/** Two summation orders of the same sums of float32, over twelve layers. */
const MAX_DIFFERENCE = 1e-4;
const GRAPH = new URL("../../fixtures/onnx-export/", import.meta.url);

/** Prints load times and the largest difference of the features; fails where it is more than 1e-4. */
export async function benchCombinedOnnx(folder: string): Promise<void> {
  const exported = await makeCombinedOnnx(folder);
  const ids = new Tensor(
    "int64",
    BigInt64Array.from({ length: 3 * 12 }, (_, i) => BigInt((i * 6007) % 21128)),
    [3, 12],
  );
  const pixelValues = new Tensor(
    "float32",
    Float32Array.from({ length: 2 * 3 * 224 * 224 }, (_, i) => Math.sin(i * 0.37)),
    [2, 3, 224, 224],
  );

  console.log(
    "\n### A combined ONNX export, ViT-B/16 fp32\n\n| source | open ms | first texts ms | first images ms |\n|---|---:|---:|---:|",
  );
  const results: Tensor[][] = [];
  // The first round only brings the files into memory.
  for (const [round, name, source] of [
    [0, "checkpoint", folder],
    [0, "combined ONNX export", exported],
    [1, "checkpoint", folder],
    [1, "combined ONNX export", exported],
  ] as const) {
    const start = performance.now();
    const model = await ChineseCLIPModel.fromPretrained(source);
    const opened = performance.now();
    const text = await model.getTextFeatures({ inputIds: ids });
    const embedded = performance.now();
    const image = await model.getImageFeatures({ pixelValues });
    const end = performance.now();
    await model.dispose();
    if (round === 0) continue;
    console.log(`| ${name} | ${(opened - start).toFixed(0)} | ${(embedded - opened).toFixed(0)} | ${(end - embedded).toFixed(0)} |`);
    results.push([text, image]);
  }
  const [ours = [], theirs = []] = results;
  for (const [i, what] of ["text", "image"].entries()) {
    const [a, b] = [ours[i]?.data as Float32Array, theirs[i]?.data as Float32Array];
    const difference = a.reduce((most, value, j) => Math.max(most, Math.abs(value - (b[j] ?? Number.NaN))), 0);
    const size = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    console.log(`\n${what} features: largest difference ${difference.toExponential(1)}, largest value ${size.toFixed(2)}`);
    if (!(difference <= MAX_DIFFERENCE)) throw new Error(`combined ONNX: ${what} features differ by ${difference}`);
  }
}

/** The graph and its data file, laid out as transformers.js looks for them; made once. */
async function makeCombinedOnnx(folder: string): Promise<string> {
  const target = `${folder}-onnx`;
  const recipe = JSON.parse(await readFile(new URL("model.onnx.weights.json", GRAPH), "utf8")) as Recipe;
  const path = join(target, "onnx", recipe.data_file);
  if (existsSync(path)) return target;
  await mkdir(join(target, "onnx"), { recursive: true });
  for (const name of ["config.json", "preprocessor_config.json", "vocab.txt"]) await copyFile(join(folder, name), join(target, name));
  await copyFile(new URL("model.onnx", GRAPH), join(target, "onnx", "model.onnx"));

  const [source, data] = await Promise.all([open(join(folder, "model.safetensors")), open(`${path}.part`, "w")]);
  try {
    const prefix = Buffer.alloc(8);
    await source.read(prefix, 0, 8, 0);
    const headerLength = Number(prefix.readBigUInt64LE());
    const json = Buffer.alloc(headerLength);
    await source.read(json, 0, headerLength, 8);
    const header = JSON.parse(json.toString()) as Readonly<Record<string, { readonly data_offsets: readonly [number, number] }>>;
    for (const { offset, length, dims, tensor, transposed } of recipe.weights) {
      const [start = 0, end = 0] = header[tensor]?.data_offsets ?? [];
      if (end - start !== length) throw new Error(`combined ONNX: expected ${length} bytes of ${tensor}, got ${end - start}`);
      const values = new Float32Array(length / 4);
      await source.read(new Uint8Array(values.buffer), 0, length, 8 + headerLength + start);
      const written = transposed ? transpose(values, dims) : values;
      await data.write(new Uint8Array(written.buffer), 0, length, offset);
    }
  } finally {
    await Promise.all([source.close(), data.close()]);
  }
  await rename(`${path}.part`, path);
  return target;
}

/** A matrix stored as `[N, M]` as one of `dims`, `[M, N]`. */
function transpose(values: Float32Array, [rows = 0, columns = 0]: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[row * columns + column] = values[column * rows + row] ?? 0;
  return result;
}
