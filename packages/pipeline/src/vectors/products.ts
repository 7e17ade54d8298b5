/**
 * Inner products of float32 vectors, in eight sums, so that one addition does not wait for the one before. The WebAssembly score kernel of
 * `@chinese-clip/search` adds in the same order and gives the same bits.
 */

/**
 * The inner product of two vectors, summed in float64: of vectors with L2 norm 1, their cosine.
 *
 * @throws RangeError - vectors of different lengths.
 */
export function dot(a: Float32Array, b: Float32Array): number {
  checkNumbers("dot", a);
  checkNumbers("dot", b);
  if (a.length !== b.length) throw new RangeError(`dot: expected vectors of one length, got ${a.length} and ${b.length} values`);
  return dotAt(a, 0, b, 0, a.length);
}

/**
 * The cosine of two vectors of any norm, in [-1, 1] up to rounding; NaN where one of them is zero.
 *
 * @throws RangeError - vectors of different lengths.
 */
export function cosine(a: Float32Array, b: Float32Array): number {
  checkNumbers("cosine", a);
  checkNumbers("cosine", b);
  if (a.length !== b.length) throw new RangeError(`cosine: expected vectors of one length, got ${a.length} and ${b.length} values`);
  const squares = dotAt(a, 0, a, 0, a.length) * dotAt(b, 0, b, 0, b.length);
  return dotAt(a, 0, b, 0, a.length) / Math.sqrt(squares);
}

/** @throws TypeError - no list of numbers, as calls without types give. */
export function checkNumbers(where: string, vector: unknown): void {
  const isList = Array.isArray(vector) || (ArrayBuffer.isView(vector) && !(vector instanceof DataView));
  const first: unknown = isList ? (vector as ArrayLike<unknown>)[0] : undefined;
  if (!isList || (first !== undefined && typeof first !== "number"))
    throw new TypeError(`${where}: expected vectors of numbers, got ${isList ? `some of ${typeof first}` : typeof vector}`);
}

/**
 * The inner product of `dim` values of `a` from `startA` on and of `b` from `startB` on, for rows of matrices. The caller makes sure that they
 * are there.
 */
export function dotAt(a: Float32Array, startA: number, b: Float32Array | Float64Array, startB: number, dim: number): number {
  let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
  let e = 0;
  for (; e + 7 < dim; e += 8) {
    const [i, j] = [startA + e, startB + e];
    s0 += a[i]! * b[j]!;
    s1 += a[i + 1]! * b[j + 1]!;
    s2 += a[i + 2]! * b[j + 2]!;
    s3 += a[i + 3]! * b[j + 3]!;
    s4 += a[i + 4]! * b[j + 4]!;
    s5 += a[i + 5]! * b[j + 5]!;
    s6 += a[i + 6]! * b[j + 6]!;
    s7 += a[i + 7]! * b[j + 7]!;
  }
  for (; e < dim; e++) s0 += a[startA + e]! * b[startB + e]!;
  return s0 + s1 + (s2 + s3) + (s4 + s5 + (s6 + s7));
}
