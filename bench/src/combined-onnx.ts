/**
 * The combined ONNX graph that transformers.js users run for ViT-B/16, filled with the random checkpoint's weights, against the checkpoint
 * itself: the same features from both, and what each costs to load.
 */
import { ChineseCLIPModel, Tensor } from "@chinese-clip/node";
import { makePeerModel } from "./peer-model.js";

/** Two summation orders of the same sums of float32, over twelve layers. */
const MAX_DIFFERENCE = 1e-4;

/** Prints load times and the largest difference of the features; fails where it is more than 1e-4. */
export async function benchCombinedOnnx(folder: string): Promise<void> {
  const exported = await makePeerModel(folder);
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
