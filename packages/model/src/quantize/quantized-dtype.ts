import type { Checkpoint } from "../weights/checkpoint.js";

/** The dtype of a tower file's weights, where it is one; undefined for a checkpoint in floating point. */
export function quantizedDtype(checkpoint: Checkpoint): "q8" | "q4" | undefined {
  const names = [...checkpoint.tensors.keys()];
  if (names.some((name) => name.endsWith(".weight_int4"))) return "q4";
  return names.some((name) => /weight_u?int8$/u.test(name)) ? "q8" : undefined;
}
