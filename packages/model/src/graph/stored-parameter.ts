/**
 * How a checkpoint stores a parameter: in floating point under its own name, or, in a tower file of `quantize/`, as several tensors with a suffix each.
 */
import type { Checkpoint } from "../weights/checkpoint.js";
import type { WeightDtype } from "../weights/tensor-reference.js";
import type { NamedTensor, Storage } from "./ir/graph.js";

/**
 * Inputs of one output share a scale and a zero point in blocks of this many: the fewest that MatMulNBits takes. Blocks of 32 with scales in float32
 * are as large, and err 1.8 times as much (squared).
 */
export const INT4_BLOCK_SIZE = 16;

/** Elements of an embedding's row share a scale in blocks of this many: the largest power of two that divides the row, as GatherBlockQuantized has it. */
export function tableBlockSize(size: number): number {
  return size & -size;
}

/**
 * Where a parameter lies.
 *
 * @param name - in the checkpoint, such as `text_model.encoder.layer.0.output.dense.weight`.
 * @param shape - as the model has it; a linear layer's weight is `[N, K]`.
 * @throws {@link CheckpointError} `missing-tensor`, `shape-mismatch` or `unsupported-dtype`, naming the tensor.
 */
export function storedParameter(checkpoint: Checkpoint, name: string, shape: readonly number[]): Storage {
  const has = (full: string): boolean => checkpoint.tensors.has(full);
  const tensor = (full: string, dims: readonly number[], dtypes?: readonly WeightDtype[]): NamedTensor => ({
    ...checkpoint.tensor(full, dims, dtypes),
    name: full,
  });
  const [rows = 0, size = 0] = shape;
  if (has(`${name}_uint8`)) {
    const blockSize = tableBlockSize(size);
    const scales = tensor(`${name}_scale`, [rows, size / blockSize]);
    return { kind: "table", scales, values: tensor(`${name}_uint8`, shape, ["U8"]), blockSize };
  }
  // What a layer's inputs are multiplied by lies beside the layer: layers of the same inputs share it.
  const inputScale = (): NamedTensor | undefined => {
    const scaleName = name.replace(/(?<![^.])[^.]+\.[^.]+$/u, "input_scale");
    return has(scaleName) ? tensor(scaleName, [size]) : undefined;
  };
  if (has(`${name}_int8`)) {
    const values = tensor(`${name}_int8`, [size, rows], ["I8", "U8"]);
    return { kind: "int8", values, scales: tensor(`${name}_scale`, [rows], ["F32"]), inputScale: inputScale() };
  }
  if (has(`${name}_int4`)) {
    const blocks = size / INT4_BLOCK_SIZE;
    return {
      kind: "int4",
      values: tensor(`${name}_int4`, [rows, blocks, INT4_BLOCK_SIZE / 2], ["U8"]),
      scales: tensor(`${name}_scale`, [rows * blocks]),
      zeroPoints: tensor(`${name}_zero_point`, [rows * Math.ceil(blocks / 2)], ["U8"]),
      inputScale: inputScale(),
    };
  }
  return { kind: "float", tensor: checkpoint.tensor(name, shape) };
}
