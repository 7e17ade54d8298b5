/** An embedding as pgvector reads it. */
export function vectorText(values: Float32Array): string {
  return `[${values.join(",")}]`;
}
