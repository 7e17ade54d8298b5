/**
 * The error of images that cannot be read: an evaluation tries all of them, and then names the first few.
 */
import type { DatasetPlace } from "@chinese-clip/dataset/formats";
import { EvaluationError } from "./evaluation-error.js";

/** The first one's `reason` and `place`, a few `others` (lines or files), and how many there are in all. */
export function unreadableImages(
  reason: string,
  others: readonly (string | number)[],
  count: number,
  place: DatasetPlace,
  cause: unknown,
): EvaluationError {
  if (count === 1) return new EvaluationError("unreadable-image", { ...place, reason }, { cause });
  const named = others.join(", ") + (count > others.length + 1 ? ", …" : "");
  return new EvaluationError("unreadable-images", { ...place, reason, others: named, count }, { cause });
}
