/**
 * Embeddings in the binary format of pgvector's type `vector` (its `vector_send` and `vector_recv`): int16 the number of values, int16 0, and the values as
 * float32, all of them big-endian. As text a value is parsed digit by digit, which takes the server most of a load's time.
 */

/** Bytes before the values. */
const HEAD = 4;

/** How many bytes an embedding takes. */
export function vectorSize({ length }: Float32Array): number {
  return HEAD + 4 * length;
}

/** Writes one. @returns where it ends. */
export function writeVector(target: DataView, at: number, values: Float32Array): number {
  target.setUint16(at, values.length);
  target.setUint16(at + 2, 0);
  let end = at + HEAD;
  for (let i = 0; i < values.length; i++, end += 4) target.setFloat32(end, values[i] as number);
  return end;
}

/** One, as a parameter of a statement. */
export function vectorBytes(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(vectorSize(values));
  writeVector(new DataView(bytes.buffer), 0, values);
  return bytes;
}

/**
 * Many as a `vector[]`, by `array_recv` of PostgreSQL: int32 1 dimension, 0 (no nulls), the type of the elements, their number, the first one's index;
 * then each with its size.
 *
 * @param type - the object identifier of `vector` in this database.
 */
export function vectorArrayBytes(vectors: readonly Float32Array[], type: number): Uint8Array {
  const head = [1, 0, type, vectors.length, 1];
  const bytes = new Uint8Array(vectors.reduce((sum, values) => sum + 4 + vectorSize(values), 4 * head.length));
  const view = new DataView(bytes.buffer);
  head.forEach((value, i) => view.setUint32(4 * i, value));
  let at = 4 * head.length;
  for (const values of vectors) {
    view.setUint32(at, vectorSize(values));
    at = writeVector(view, at + 4, values);
  }
  return bytes;
}

/** The embedding that `vector_send` gave. */
export function vectorOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(view.getUint16(0));
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(HEAD + 4 * i);
  return values;
}
