/**
 * One tower's weights as a file of their own in another dtype: a safetensors file under the checkpoint's names, from which the same
 * graph builders make the tower (`graph/stored-parameter.ts` reads what is stored). Its layout follows from names and shapes, so a graph can
 * be built from it before a weight was read; the bytes are made a layer at a time.
 *
 * - `fp16`: matrices in half precision.
 * - `q8`: the linear layers of the blocks in int8, one scale for each output; the word embedding in 8 bits, in blocks along each row.
 * - `q4`: the linear layers in 4 bits, in blocks of 16 inputs, each with scale and zero point, but for what writes to the image
 *   tower's states, which is in int8; the word embedding as in `q8`.
 *
 * Vectors stay float32; what matrices are left (patches, positions, projections) are half precision. A ResNet has no such layers: it is
 * stored in half precision.
 */
import { tableBlockSize } from "../graph/stored-parameter.js";
import { Checkpoint } from "../weights/checkpoint.js";
import { toFloat16 } from "../weights/float16.js";
import { safetensorsHeader, tensorBytes } from "../weights/safetensors-header.js";
import type { StoredTensor } from "../weights/tensor-reference.js";
import type { ConversionStep, TowerDtype, TowerName, WeightIntegers } from "./conversion-step.js";
import { moveToUint8, quantizeTable } from "./int8-matrix.js";
import { bertLayerStep, bertStart, visionLayerStep, visionStart, type WordSquares } from "./quantized-layer.js";
import { columnSquares } from "./residual-estimate.js";
import { isTowerTensor } from "./tower-tensors.js";

const LAYER = /^(.*\.encoder\.layers?\.\d+)\./u;
const WORD_EMBEDDING = "text_model.embeddings.word_embeddings.weight";

/** Raised when a conversion gives other bytes than before, so that a tower cache does not take older files for them. */
export const TOWER_FORMAT = 3;

/** A tower's weights as a file that is yet to be written. */
export interface TowerFile {
  /** The tower's tensors as they will lie in the file, which is called {@link TowerFile.name}. */
  readonly checkpoint: Checkpoint;
  /** The file's name. */
  readonly name: string;
  /** The file's size. */
  readonly byteLength: number;
  /** How its linear layers' 8 bits lie in it. */
  readonly integers: WeightIntegers;
  /**
   * The file's bytes, in order; reads the source's weights as it goes, a layer at a time.
   *
   * @param onLayer - is called when a layer's chunks were taken and none of the bytes that were read so far is looked at again.
   */
  chunks(onLayer?: () => void): AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Plans one tower's file in a dtype.
 *
 * @param checkpoint - of the whole model, or of the tower alone; in floating point.
 * @param name - the file's name, such as `text.q8.safetensors`.
 * @param integers - how linear layers' 8 bits lie in the file.
 * @throws CheckpointError naming a tensor that is missing or has another shape; when the chunks are made, also where the weights
 * cannot be read.
 */
export function planTower(
  checkpoint: Checkpoint,
  tower: TowerName,
  dtype: TowerDtype,
  name: string,
  integers: WeightIntegers = "int8",
): TowerFile {
  const stepsOf = (): Iterable<ConversionStep> => {
    const inInt8 = conversionSteps(checkpoint, tower, dtype);
    return integers === "int8" ? inInt8 : movedSteps(inInt8);
  };
  const steps = [...stepsOf()];
  const tensors = steps.flatMap((step) => step.tensors);
  const header = safetensorsHeader(tensors, { format: "pt", dtype, tower });
  const references = new Map<string, StoredTensor>();
  let end = header.length;
  for (const tensor of tensors) {
    const byteLength = tensorBytes(tensor);
    const { dtype: stored, shape } = tensor;
    references.set(tensor.name, { dtype: stored, shape, file: name, byteOffset: end, byteLength, transposed: false });
    end += byteLength;
  }
  return {
    checkpoint: new Checkpoint(references, []),
    name,
    byteLength: end,
    integers,
    async *chunks(onLayer) {
      yield header;
      for (const step of stepsOf()) {
        // One after the other: that is what keeps a layer in memory and not a tower.
        for (const { buffer, byteOffset, byteLength } of await step.make()) yield new Uint8Array(buffer, byteOffset, byteLength);
        onLayer?.();
      }
    },
  };
}

/** What has no layer comes first, then the layers in their order. */
function* conversionSteps(checkpoint: Checkpoint, tower: TowerName, dtype: TowerDtype): Generator<ConversionStep> {
  const names = [...checkpoint.tensors.keys()].filter((name) => isTowerTensor(tower, name) && !name.endsWith(".position_ids"));
  const layers = new Set(names.map((name) => LAYER.exec(name)?.[1]).filter((layer) => layer !== undefined));
  const quantized = dtype !== "fp16";
  const words: WordSquares = {};
  for (const name of names) {
    if (quantized && name === WORD_EMBEDDING && hasTableBlocks(canonicalShape(checkpoint, name)))
      yield wordEmbeddingStep(checkpoint, name, words);
    else if (!quantized || !LAYER.test(name)) yield floatStep(checkpoint, name);
  }
  if (!quantized || layers.size === 0) return;
  const ordered = [...layers].sort((a, b) => layerIndex(a) - layerIndex(b));
  const start = tower === "text" ? bertStart(checkpoint, words) : visionStart(checkpoint);
  for (const layer of ordered) yield (tower === "text" ? bertLayerStep : visionLayerStep)(checkpoint, layer, dtype, start);
}

/** The steps with uint8 where they have int8. */
function* movedSteps(steps: Iterable<ConversionStep>): Generator<ConversionStep> {
  for (const step of steps) {
    const { tensors } = step;
    yield {
      tensors: tensors.map((tensor) => (tensor.dtype === "I8" ? { ...tensor, dtype: "U8" } : tensor)),
      async make() {
        const made = await step.make();
        for (const [i, { dtype }] of tensors.entries()) if (dtype === "I8" && made[i] !== undefined) moveToUint8(made[i]);
        return made;
      },
    };
  }
}

/** GatherBlockQuantized takes blocks of 16 and more. */
function hasTableBlocks([, size = 0]: readonly number[]): boolean {
  return tableBlockSize(size) >= 16;
}

function layerIndex(layer: string): number {
  return Number(/(?<!\d)\d+$/u.exec(layer)?.[0]);
}

/** A tensor in floating point: matrices in half precision, vectors in float32. */
function floatStep(checkpoint: Checkpoint, name: string): ConversionStep {
  const shape = canonicalShape(checkpoint, name);
  const half = shape.length > 1;
  return {
    tensors: [{ name, dtype: half ? "F16" : "F32", shape }],
    async make() {
      const values = await checkpoint.values(name, shape);
      return [half ? toFloat16(values) : values];
    },
  };
}

/** Leaves the columns' mean squares in `words`, so that the largest of all weights is read once. */
function wordEmbeddingStep(checkpoint: Checkpoint, name: string, words: WordSquares): ConversionStep {
  const [rows = 0, size = 0] = canonicalShape(checkpoint, name);
  const block = tableBlockSize(size);
  return {
    tensors: [
      { name: `${name}_scale`, dtype: "F32", shape: [rows, size / block] },
      { name: `${name}_uint8`, dtype: "U8", shape: [rows, size] },
    ],
    async make() {
      const table = await checkpoint.values(name, [rows, size]);
      words.squares = columnSquares(table, size);
      const { values, scales } = quantizeTable(table, block);
      return [scales, values];
    },
  };
}

function canonicalShape(checkpoint: Checkpoint, name: string): readonly number[] {
  const tensor = checkpoint.tensors.get(name);
  const shape = tensor?.shape ?? [];
  return tensor?.transposed === true ? [...shape].reverse() : shape;
}
