/**
 * Stored floating-point numbers as float32. Little-endian, as every format here stores them and every
 * machine that these runtimes run on has them.
 */
import type { WeightDtype } from "./tensor-reference.js";

/** The numbers in `bytes`, as float32: a view where they are that already and aligned, else a copy. */
export function decodeFloats(bytes: Uint8Array, dtype: WeightDtype): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  if (dtype === "F32") return new Float32Array(buffer, byteOffset, byteLength / 4);
  if (dtype === "F64") return Float32Array.from(new Float64Array(buffer, byteOffset, byteLength / 8));
  if (dtype === "BF16") return fromBfloat16(new Uint16Array(buffer, byteOffset, byteLength / 2));
  if (dtype === "F16") return fromFloat16(new Uint16Array(buffer, byteOffset, byteLength / 2));
  throw new TypeError(`decodeFloats: expected a floating-point dtype, got ${dtype}`);
}

/** A matrix of `[rows, columns]`, given column by column, row by row: a copy. */
export function transposeMatrix(values: Float32Array, [rows = 0, columns = 0]: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[row * columns + column] = values[column * rows + row]!;
  }
  return result;
}

function fromFloat16(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!;
    const sign = (half & 0x8000) << 16;
    const magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00) bits[i] = sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    else if (magnitude >= 0x0400) bits[i] = sign | ((magnitude << 13) + 0x38000000);
    else values[i] = (sign === 0 ? 1 : -1) * magnitude * 2 ** -24;
  }
  return values;
}

/** The upper halves of float32 numbers. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return values;
}
