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

/** Zero point of rows that reach as far below zero as above. */
const MIDDLE = 128;
/**
 * Zero point of what an activation leaves, which reaches no further below zero than 0.17: of the 255 steps most are for what is above. The smaller it is, the larger
 * is a step of rows with nothing great in them: with 16 the smallest cosine of ViT-B/16 with outliers was 0.9895, with 32 0.9920, with 64 0.9939.
 */
const NEAR_THE_END = 64;

/** Zero points, uint8 `[M, 1]` of one value each, by that value: layers that take as many rows share them. */
export type RowZeroPoints = Map<number, Value>;

/** Rows in uint8 around a zero point. */
export interface QuantizedRows {
  /** uint8 `[M, K]` */
  readonly values: Value;
  /** The zero point that the products take: a uint8 number. */
  readonly zeroPoint: Value;
  /** What a step is worth, float32 `[M, 1]`. */
  readonly steps: Value;
}

/**
 * `x [M, K]` in 255 steps a row. A row of zeros stays one.
 *
 * @param least - what no element is below, where that is known, and near zero: the steps are then finer, and there is no magnitude to look for below zero.
 */
export function quantizeRows(graph: GraphBuilder, x: Value, K: number, zeroPoints: RowZeroPoints, least?: number): QuantizedRows {
  const zeroPoint = least === undefined ? MIDDLE : NEAR_THE_END;
  const greatest = graph.reduceMax(least === undefined ? graph.abs(x) : x, -1); // [M, 1]
  const above = graph.mul(greatest, graph.number(1 / (255 - zeroPoint))); // [M, 1]
  const steps = least === undefined ? above : graph.max(above, graph.number(Math.abs(least) / zeroPoint)); // [M, 1]
  const zeros = zeroPoints.get(zeroPoint) ?? graph.expand(graph.uint8(zeroPoint), graph.shape(steps)); // [M, 1]
  zeroPoints.set(zeroPoint, zeros);
  return { values: graph.quantizeRows(x, K, steps, zeros), zeroPoint: graph.uint8(zeroPoint), steps };
}

/** Quantised rows times int8 `weight [K, N]` with one `scale [N]` for each output -> float32 `[M, N]`. */
export function int8Product(graph: GraphBuilder, { values, zeroPoint, steps }: QuantizedRows, weight: Value, scale: Value): Value {
  return graph.mul(graph.matMulInteger(values, zeroPoint, weight, scale), steps);
}
