/** Embeddings as the server's routes have them: float32, little-endian, in base64. */
import { decodeBase64, encodeBase64 } from "./base64.js";

/** Encodes an embedding. */
export function encodeVector(vector: Float32Array): string {
  const bytes = new Uint8Array(4 * vector.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of vector.entries()) view.setFloat32(4 * i, value, true);
  return encodeBase64(bytes);
}

/**
 * Decodes an embedding.
 *
 * @returns undefined for anything but base64 of whole float32 values that are finite.
 */
export function decodeVector(text: unknown): Float32Array | undefined {
  const bytes = typeof text === "string" ? decodeBase64(text) : undefined;
  if (bytes === undefined || bytes.length === 0 || bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const vector = Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  return vector.every(Number.isFinite) ? vector : undefined;
}
