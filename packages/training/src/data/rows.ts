/** Parts of a batch, and what a step's graph gives. */
import { Tensor } from "onnxruntime-common";

/** A batch, or a part of one, by the names of the graph's inputs. */
export type TrainingBatch = Readonly<Record<string, Tensor>>;

/** What a batch gave. */
export interface BatchResult {
  /** The contrastive loss. */
  readonly loss: number;
  /** Share of the images whose most similar text in the batch is their own, 0 to 1. */
  readonly imageToText: number;
  /** Share of the texts whose most similar image in the batch is their own, 0 to 1. */
  readonly textToImage: number;
}

/** The loss and the shares that a graph with the loss gave. */
export function resultOf(outputs: TrainingBatch): BatchResult {
  const share = (name: string): number => {
    const rows = valuesOf(outputs, name);
    return rows.reduce((count, row, i) => count + (row === i ? 1 : 0), 0) / rows.length;
  };
  const [loss = Number.NaN] = valuesOf(outputs, "loss");
  return { loss, imageToText: share("text_of_image"), textToImage: share("image_of_text") };
}

/** The numbers of a tensor; none where it is not there. */
export function valuesOf(outputs: TrainingBatch, name: string): Float32Array {
  return (outputs[name]?.data ?? new Float32Array()) as Float32Array;
}

/**
 * The part of a batch's tensor that belongs to some of its items; a view.
 *
 * @param batch - items of the batch; the tensor's first extent is a multiple of it.
 */
export function rowsOf(tensor: Tensor | undefined, batch: number, start: number, count: number): Tensor {
  if (tensor === undefined) throw new TypeError("training: expected every input of the towers in the batch");
  const [all = 1, ...dims] = tensor.dims;
  const data = tensor.data as Float32Array | BigInt64Array;
  const size = data.length / batch;
  return new Tensor(tensor.type, data.subarray(start * size, (start + count) * size), [(all / batch) * count, ...dims]);
}

/** So many rows, the last ones of zeros. */
export function padRows(tensor: Tensor, rows: number): Tensor {
  const [count = 0, ...dims] = tensor.dims;
  if (count === rows) return tensor;
  const data = tensor.data as Float32Array | BigInt64Array;
  const length = (data.length / count) * rows;
  if (data instanceof BigInt64Array) {
    const padded = new BigInt64Array(length);
    padded.set(data);
    return new Tensor("int64", padded, [rows, ...dims]);
  }
  const padded = new Float32Array(length);
  padded.set(data);
  return new Tensor("float32", padded, [rows, ...dims]);
}
