/** The demo checkpoint with its image tower as it was trained and a text tower that knows nothing: where the paper's first stage begins. */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "@chinese-clip/drawings";

const COPIED = ["config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.txt"];

/** Standard deviations for a net that is trained from scratch, as in `examples/demo-checkpoint/training/train.py`. */
const [EMBEDDING, WEIGHT, PROJECTION] = [0.05, 0.02, 128 ** -0.5];

interface StoredTensor {
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
}

/**
 * Copies a checkpoint, its text tower initialised as transformers initialises a BERT.
 *
 * @param source - the demo checkpoint, whose weights are float32 in one safetensors file.
 */
export async function writeUntrainedModel(source: string, target: string, random: Random): Promise<void> {
  await mkdir(target, { recursive: true });
  await Promise.all(COPIED.map((name) => copyFile(join(source, name), join(target, name))));
  const file = new Uint8Array(await readFile(join(source, "model.safetensors")));
  const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start))) as Readonly<Record<string, StoredTensor>>;
  for (const [name, { shape, data_offsets: offsets }] of Object.entries(header)) {
    const values = initialValues(name, shape, random);
    if (values !== undefined) file.set(new Uint8Array(values.buffer), start + offsets[0]);
  }
  await writeFile(join(target, "model.safetensors"), file);
}

/** A text tensor's initial values; undefined for one that stays. */
function initialValues(name: string, shape: readonly number[], random: Random): Float32Array | undefined {
  if (name === "logit_scale") return Float32Array.of(Math.log(1 / 0.07));
  if (!name.startsWith("text_")) return undefined;
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (name.endsWith(".bias")) return new Float32Array(size);
  if (name.includes("LayerNorm")) return new Float32Array(size).fill(1);
  const deviation = name === "text_projection.weight" ? PROJECTION : name.includes("embeddings") ? EMBEDDING : WEIGHT;
  return Float32Array.from({ length: size }, () => deviation * normal(random));
}

/** From the standard normal distribution (Box and Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
