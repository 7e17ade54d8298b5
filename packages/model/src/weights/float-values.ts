/**
 * Stored floating-point numbers as float32, and float32 as half precision. Little-endian, as every format here stores them and every
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

/** IEEE half precision of each number, nearest, ties to even; beyond its range infinity. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude >= 0x47800000) {
      halves[i] = sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00); // NaN stays one; 65,536 and more is infinite
    } else if (magnitude >= 0x38800000) {
      // Normal: the exponent moved by 112, 13 bits rounded off; a carry into the exponent is right, also the one to infinity.
      halves[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else {
      // Subnormal, in steps of 2^-24. The product is exact; the rounding of a float64 to a whole number is done by adding and taking away 2^52.
      const steps = Math.abs(values[i]!) * 2 ** 24;
      halves[i] = sign | (steps + 2 ** 52 - 2 ** 52);
    }
  }
  return halves;
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
