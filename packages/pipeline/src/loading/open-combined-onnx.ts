/**
 * An ONNX export among a model's files, as Optimum writes it and transformers.js looks for it.
 */
import { type CombinedOnnx, readCombinedOnnx } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";

/** Where the exporters put the float32 graph of both towers. */
const EXPORTS: readonly string[] = ["onnx/model.onnx", "model.onnx"];

/**
 * Reads a model's combined export and cuts it into the two towers; undefined where there is none.
 *
 * @throws CheckpointError - `malformed`, `missing-file`, `unsupported-graph`: one that is no export of this kind.
 */
export async function openCombinedOnnx(files: ModelFiles): Promise<CombinedOnnx | undefined> {
  const named = (await files.list()).filter((name) => name.endsWith(".onnx"));
  // The one graph of a folder may be called anything.
  for (const name of new Set([...EXPORTS, ...(named.length === 1 ? named : [])])) {
    // The first that there is; asking a hub for the next would be a request in vain.
    const file = await files.open(name);
    if (file === undefined) continue;
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    return readCombinedOnnx(file, (beside) => files.open(folder + beside));
  }
  return undefined;
}
