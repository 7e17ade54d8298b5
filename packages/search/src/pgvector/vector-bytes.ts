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
export function writeVector(target: Buffer, at: number, values: Float32Array): number {
  let end = target.writeInt16BE(0, target.writeUInt16BE(values.length, at));
  for (const value of values) end = target.writeFloatBE(value, end);
  return end;
}

/** One, as a parameter of a statement. */
export function vectorBytes(values: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(vectorSize(values));
  writeVector(bytes, 0, values);
  return bytes;
}

/**
 * Many as a `vector[]`, by `array_recv` of PostgreSQL: int32 1 dimension, 0 (no nulls), the type of the elements, their number, the first one's index;
 * then each with its size.
 *
 * @param type - the object identifier of `vector` in this database.
 */
export function vectorArrayBytes(vectors: readonly Float32Array[], type: number): Buffer {
  const bytes = Buffer.allocUnsafe(vectors.reduce((sum, values) => sum + 4 + vectorSize(values), 20));
  let at = 0;
  for (const value of [1, 0, type, vectors.length, 1]) at = bytes.writeUInt32BE(value, at);
  for (const values of vectors) at = writeVector(bytes, bytes.writeUInt32BE(vectorSize(values), at), values);
  return bytes;
}

/** The embedding that `vector_send` gave. */
export function vectorOf(bytes: Buffer): Float32Array {
  return Float32Array.from({ length: bytes.readUInt16BE(0) }, (_, i) => bytes.readFloatBE(HEAD + 4 * i));
}
