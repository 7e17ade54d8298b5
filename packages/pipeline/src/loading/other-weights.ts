/**
 * A model's weights where they are not called as Hugging Face's: cn_clip's releases and what was fine-tuned from them; and what to say where there
 * are none.
 */
import { CheckpointError } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";

/** Where exporters put the graph of both towers. */
const EXPORT = "onnx/model.onnx";

/**
 * The one file that a pattern is of.
 *
 * @param patterns - by preference.
 * @param expected - what would have been weights without asking, for messages.
 * @throws CheckpointError - `missing-file`: none, or several that may be meant.
 */
export async function otherWeights(
  files: ModelFiles,
  names: readonly string[],
  patterns: readonly RegExp[],
  expected: readonly string[],
): Promise<string> {
  const { source } = files;
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
  const graphs = await listGraphs(files, names);
  if (graphs.length > 0) {
    throw new CheckpointError(
      "missing-file",
      `expected a checkpoint (${expected.join(", ")} or a .pt file), got ONNX graphs only (${graphs.slice(0, 3).join(", ")}): ${EXPORT} can be ` +
        "loaded, and its towers exported as ONNX, but its weights have lost their names, so that they cannot be written in another format; " +
        "name the checkpoint that it was exported from",
      { file: expected[0], source, expected, actual: graphs },
    );
  }
  throw new CheckpointError("missing-file", `expected weights: ${expected.join(", ")}, a .pt file or ${EXPORT}, got none of them`, {
    file: expected[0],
    source,
    expected,
  });
}

/** ONNX graphs among the files. A folder's list has no subfolders, but that is where exporters put theirs. */
async function listGraphs(files: ModelFiles, names: readonly string[]): Promise<readonly string[]> {
  const graphs = names.filter((name) => name.endsWith(".onnx"));
  return graphs.length > 0 || (await files.open(EXPORT)) === undefined ? graphs : [EXPORT];
}
