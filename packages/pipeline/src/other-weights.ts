/**
 * A model's weights where they are not called as Hugging Face's: cn_clip's releases and what was fine-tuned from them; and what to say where there
 * are none.
 */
import { CheckpointError } from "@chinese-clip/model";

/**
 * The one file that a pattern is of.
 *
 * @param patterns - by preference.
 * @param expected - what would have been weights without asking, for messages.
 * @throws CheckpointError - `missing-file`: none, or several that may be meant.
 */
export function otherWeights(source: string, names: readonly string[], patterns: readonly RegExp[], expected: readonly string[]): string {
  for (const pattern of patterns) {
    const [first, ...others] = names.filter((name) => pattern.test(name));
    if (first === undefined) continue;
    if (others.length === 0) return first;
    throw new CheckpointError("missing-file", `expected one weights file, got ${[first, ...others].join(", ")}; name the one to load`, {
      source,
      expected,
      actual: [first, ...others],
    });
  }
  const graphs = names.filter((name) => name.endsWith(".onnx"));
  if (graphs.length > 0) {
    throw new CheckpointError(
      "missing-file",
      `expected a checkpoint (${expected.join(", ")} or a .pt file), got ONNX graphs only (${graphs.slice(0, 3).join(", ")}): onnx/model.onnx ` +
        "can be loaded and run, but its weights have lost their names, so that they cannot be converted or exported; " +
        "name the checkpoint that it was exported from",
      { file: expected[0], source, expected, actual: graphs },
    );
  }
  throw new CheckpointError("missing-file", `expected weights: ${expected.join(", ")}, a .pt file or onnx/model.onnx, got none of them`, {
    file: expected[0],
    source,
    expected,
  });
}
