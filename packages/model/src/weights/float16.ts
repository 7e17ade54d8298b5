/**
 * float32 as half precision, the other way of `float-values.ts`: only a conversion of weights needs it.
 */

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
      // Subnormal, in steps of 2^-24. The product is exact; adding and subtracting 2^52 rounds a float64 to an integer.
      const steps = Math.abs(values[i]!) * 2 ** 24;
      halves[i] = sign | (steps + 2 ** 52 - 2 ** 52);
    }
  }
  return halves;
}
