/**
 * A tensor whose elements do not follow one another in its file, as PyTorch's `channels_last`, slices and expanded views, as a copy in which they do.
 */
import { malformed, quote, showName } from "../checkpoint-error.js";
import { BYTES_PER_ELEMENT, type StoredTensor } from "./tensor-reference.js";
import type { LocatedTensor, TensorDict } from "./tensor-dict.js";

/** What such copies of a checkpoint may take together: the published models' convolutions, the only weights that have another layout there, take up to 5 MB. */
const MAX_COPIED_BYTES = 256 * 1024 * 1024;

/** Copies tensors into a row, within one budget. */
export class StridedCopies {
  #left = MAX_COPIED_BYTES;

  /**
   * Reads a tensor and copies its elements in order.
   *
   * @returns the tensor with `bytes`; one whose elements are in order already comes back as it is.
   * @throws {@link CheckpointError} `malformed`: more than all such copies may take.
   */
  async copy({ file }: TensorDict, name: string, tensor: LocatedTensor): Promise<StoredTensor> {
    const { transposed, strides: given, ...rest } = tensor;
    const shape = transposed ? [...rest.shape].reverse() : rest.shape;
    const strides = given ?? (transposed ? [1, shape[0] ?? 0] : undefined);
    if (strides === undefined) return tensor;
    const { bytes: size = 1 } = BYTES_PER_ELEMENT.get(rest.dtype) ?? {};
    const byteLength = shape.reduce((product, extent) => product * extent, size);
    this.#left -= Math.max(byteLength, rest.byteLength);
    if (this.#left < 0) {
      const layout = `shape ${quote(shape)} with strides ${quote(strides)}`;
      malformed(file, `tensor ${showName(name)}: expected elements in a row, got ${layout}, too many to copy; save contiguous() copies`, {
        tensor: name,
      });
    }
    const source = await file.read(rest.byteOffset, rest.byteOffset + rest.byteLength);
    return { ...rest, shape, byteLength, transposed: false, bytes: inOrder(source, shape, strides, size) };
  }
}

/** Elements of `size` bytes, row by row. */
function inOrder(source: Uint8Array, shape: readonly number[], strides: readonly number[], size: number): Uint8Array {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const result = new Uint8Array(count * size);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += size) {
    for (let byte = 0; byte < size; byte++) result[to + byte] = source[from * size + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0;
      const next = (index[axis] ?? 0) + 1;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        from += stride;
        break;
      }
      from -= (next - 1) * stride;
      index[axis] = 0;
    }
  }
  return result;
}
