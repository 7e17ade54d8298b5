/**
 * The same image twice: within a class it would be on both sides of a split, and in two classes it says that both are right.
 */
import { dot, dotAt } from "@chinese-clip/pipeline/vectors";

/** Smallest cosine of two embeddings of one image, which batches of other sizes change by rounding alone. */
const SAME = 1 - 1e-6;

/**
 * Rows to leave out.
 *
 * @param embeddings - rows of length 1.
 * @returns `in-two-classes` for each row whose image is in another class, too; `repeated` for each that its class has before.
 */
export function findRepeated(
  embeddings: readonly Float32Array[],
  labels: readonly number[],
): ReadonlyMap<number, "repeated" | "in-two-classes"> {
  const dim = embeddings[0]?.length ?? 0;
  // Equal rows have nearly equal products with any direction: only neighbours in that order are compared.
  const direction = Float32Array.from({ length: dim }, (_, e) => Math.sin(1 + 1.7 * e) / Math.sqrt(dim));
  const projected = embeddings.map((embedding, row) => ({ row, value: dotAt(embedding, 0, direction, 0, dim) }));
  projected.sort((a, b) => a.value - b.value || a.row - b.row);
  const first = new Map<number, number>();
  const isShared = new Set<number>();
  for (const [i, { row, value }] of projected.entries()) {
    for (let j = i + 1; j < projected.length && projected[j]!.value - value < 2e-3; j++) {
      const other = projected[j]!.row;
      if (dot(embeddings[row]!, embeddings[other]!) < SAME) continue;
      if (labels[row] !== labels[other]) isShared.add(row).add(other);
      else first.set(Math.max(row, other), Math.min(row, other, first.get(Math.max(row, other)) ?? Infinity));
    }
  }
  const found = new Map<number, "repeated" | "in-two-classes">();
  for (const row of [...isShared, ...first.keys()].sort((a, b) => a - b)) found.set(row, isShared.has(row) ? "in-two-classes" : "repeated");
  return found;
}
