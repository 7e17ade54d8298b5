/**
 * Linear layers whose weights are whole numbers. Activations are quantised while the graph runs, each row (a token) by its own greatest
 * magnitude: what a row becomes does not depend on the others, so an embedding does not depend on its neighbours in a batch.
 */
import type { GraphBuilder, Value } from "../onnx/graph-builder.js";

/**
 * Inputs of one output share a scale and a zero point in blocks of this many: the fewest that MatMulNBits takes. Blocks of 32 with scales in float32
 * are as large, and err 1.8 times as much (squared).
 */
export const INT4_BLOCK_SIZE = 16;

/** Elements of an embedding's row share a scale in blocks of this many: the largest power of two that divides the row, as GatherBlockQuantized has it. */
export function tableBlockSize(size: number): number {
  return size & -size;
}

/** Rows in int8, that is uint8 around 128. */
export interface QuantizedRows {
  /** uint8 `[M, K]` */
  readonly values: Value;
  /** The zero point that the products take: a uint8 number. */
  readonly zeroPoint: Value;
  /** What a step is worth, float32 `[M, 1]`. */
  readonly steps: Value;
}

/** `x [M, K]` in 255 steps a row, as many below zero as above. A row of zeros stays one. */
export function quantizeRows(graph: GraphBuilder, x: Value): QuantizedRows {
  const steps = graph.mul(graph.max(graph.abs(x), -1), graph.number(1 / 127)); // [M]
  const zeroPoint = graph.uint8(128);
  const values = graph.quantizeRows(x, steps, graph.expand(zeroPoint, graph.shape(steps))); // [M, K]
  return { values, zeroPoint, steps: graph.unsqueeze(steps, [-1]) };
}

/** Quantised rows times int8 `weight [K, N]` with one `scale [N]` for each output -> float32 `[M, N]`. */
export function int8Product(graph: GraphBuilder, { values, zeroPoint, steps }: QuantizedRows, weight: Value, scale: Value): Value {
  return graph.mul(graph.matMulInteger(values, zeroPoint, weight, scale), steps);
}
