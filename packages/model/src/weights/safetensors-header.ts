/**
 * Writes the start of a safetensors file: eight bytes of length, then the header that the tensors' bytes follow in order, without gaps.
 */
import { BYTES_PER_ELEMENT, type WeightDtype } from "./tensor-reference.js";

/** A tensor that is to be written. */
export interface TensorHeader {
  /** Its name in the file. */
  readonly name: string;
  /** Element type. */
  readonly dtype: WeightDtype;
  /** Extent of each axis, outermost first; row-major. */
  readonly shape: readonly number[];
}

/** How many bytes a tensor's elements take. */
export function tensorBytes({ dtype, shape }: TensorHeader): number {
  return shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT.get(dtype)?.bytes ?? 0);
}

/**
 * The file's first bytes, a multiple of 8, for tensors that follow in this order.
 *
 * @param metadata - text by name; readers give it back as it is.
 */
export function safetensorsHeader(tensors: readonly TensorHeader[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const tensor of tensors) {
    const start = end;
    end += tensorBytes(tensor);
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  return bytes;
}
