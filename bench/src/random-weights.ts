/**
 * Seeded random weights of a model's shapes: matrices normal with deviation 0.7 / sqrt(fan-in), embeddings 0.04, LayerNorm weights 1 + 0.1
 * normal, biases 0.02 normal. Speed does not depend on the values.
 */
import { buildTextGraph, buildVisionGraph, Checkpoint, type ChineseCLIPConfig, type StoredTensor } from "@chinese-clip/model";

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

/** Every tensor that a model of this configuration has, by canonical name, with its shape. */
export async function tensorShapes(config: ChineseCLIPConfig): Promise<ReadonlyMap<string, readonly number[]>> {
  const list = new TensorList();
  await buildTextGraph(config.textConfig, list, { kind: "features" }, config.projectionDim);
  await buildVisionGraph(config.visionConfig, list, { kind: "features" }, config.projectionDim);
  return list.shapes;
}

/** One tensor's values. */
export function randomTensor(name: string, shape: readonly number[], random: Normals): Float32Array {
  const count = product(shape);
  if (name === "logit_scale") return Float32Array.of(4.6052);
  if (name.endsWith("running_var")) return random.fill(count, 1, 0.05);
  if (name.endsWith("running_mean")) return random.fill(count, 0, 0.1);
  if (/layer_?norm|pre_layrnorm|bn\d|downsample\.1/i.test(name) && name.endsWith("weight")) return random.fill(count, 1, 0.1);
  if (name.endsWith("bias")) return random.fill(count, 0, 0.02);
  if (name.includes("embeddings.") && !name.includes("patch_embedding")) return random.fill(count, 0, 0.04);
  return random.fill(count, 0, 0.7 / Math.sqrt(product(shape.slice(1))));
}

/** How many numbers a tensor of this shape has. */
export function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Normal numbers drawn by a xorshift generator from a table of 65,536: quick, seeded, and random enough to time matrix products with. */
export class Normals {
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
