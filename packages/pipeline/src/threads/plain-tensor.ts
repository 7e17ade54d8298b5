/**
 * Tensors on their way between threads: the structured clone would drop the class of an ONNX Runtime `Tensor`.
 */
import { Tensor } from "onnxruntime-common";

/** A tensor of the towers as a plain object. */
export interface PlainTensor {
  /** Element type. */
  readonly type: "float32" | "int64";
  /** The elements, row-major. */
  readonly data: Float32Array | BigInt64Array;
  /** The shape. */
  readonly dims: readonly number[];
}

/** Tensors by the name of the graph's input or output. */
export type PlainTensors = Readonly<Record<string, PlainTensor>>;

/** Tensors as plain objects that share their data. */
export function toPlainTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, PlainTensor> {
  // the towers' inputs and outputs are of these two element types
  return mapValues(tensors, ({ type, data, dims }) => ({ type, data, dims }) as PlainTensor);
}

/** Plain objects as tensors that share their data. */
export function fromPlainTensors(tensors: PlainTensors): Record<string, Tensor> {
  return mapValues(tensors, ({ type, data, dims }) => new Tensor(type, inThisRealm(data), dims));
}

/** The same memory under this realm's class: what a thread sends to a Jest test is of another one, which `Tensor` rejects. */
function inThisRealm({ buffer, byteOffset, length, BYTES_PER_ELEMENT }: PlainTensor["data"]): PlainTensor["data"] {
  return BYTES_PER_ELEMENT === 4 ? new Float32Array(buffer, byteOffset, length) : new BigInt64Array(buffer, byteOffset, length);
}

/** The distinct buffers of the tensors, to transfer. */
export function buffersOf(tensors: PlainTensors): ArrayBuffer[] {
  return [...new Set(Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer))];
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
