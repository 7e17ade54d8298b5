/**
 * A model's weights under other names than Hugging Face's: cn_clip's releases and fine-tuned checkpoints; and the errors of a model without
 * weights.
 */
import { CheckpointError } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";
import { EXPORT_FILES, isGraphFile, OTHER_WEIGHTS_FILES, WEIGHTS_FILES } from "./model-file-names.js";

const [EXPORT_FILE = ""] = EXPORT_FILES;

/**
 * The one weights file with another name.
 *
 * @param names - the names of all files.
 * @throws CheckpointError - `missing-file`: none, or several candidates.
 */
export async function otherWeights(files: ModelFiles, names: readonly string[]): Promise<string> {
  const { source } = files;
  const expected = WEIGHTS_FILES;
  for (const pattern of OTHER_WEIGHTS_FILES) {
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
      `expected a checkpoint (${expected.join(", ")} or a .pt file), got ONNX graphs only (${graphs.slice(0, 3).join(", ")}): ${EXPORT_FILE} can be ` +
        "loaded, and its towers exported as ONNX, but its weights have lost their names, so that they cannot be written in another format; " +
        "name the checkpoint that it was exported from",
      { file: expected[0], source, expected, actual: graphs },
    );
  }
  throw new CheckpointError("missing-file", `expected weights: ${expected.join(", ")}, a .pt file or ${EXPORT_FILE}, got none of them`, {
    file: expected[0],
    source,
    expected,
  });
}

/** ONNX graphs among the files. A folder's list has no subfolders, but that is where exporters put theirs. */
async function listGraphs(files: ModelFiles, names: readonly string[]): Promise<readonly string[]> {
  const graphs = names.filter(isGraphFile);
  return graphs.length > 0 || (await files.open(EXPORT_FILE)) === undefined ? graphs : [EXPORT_FILE];
}
