/**
 * An ONNX export among a model's files, as Optimum writes it and transformers.js looks for it.
 */
import type { CheckpointFile } from "@chinese-clip/model";
import type { CombinedOnnx } from "@chinese-clip/model/onnx";
import type { ModelFiles } from "../platform.js";
import { EXPORT_FILES, isGraphFile } from "./model-file-names.js";

/** A combined export and the files that it is in: the graph's, then those of its weights. */
export interface OpenedExport extends CombinedOnnx {
  readonly files: readonly CheckpointFile[];
}

/**
 * Reads a model's combined export and cuts it into the two towers; undefined where there is none.
 *
 * @throws CheckpointError - `malformed`, `missing-file`, `unsupported-graph`: a graph that is not an export of this kind.
 */
export async function openCombinedOnnx(files: ModelFiles): Promise<OpenedExport | undefined> {
  const graphs = (await files.list()).filter(isGraphFile);
  // The only graph of a folder may have any name.
  for (const name of new Set([...EXPORT_FILES, ...(graphs.length === 1 ? graphs : [])])) {
    // Only the first one found: asking a hub for the next would be a wasted request.
    const file = await files.open(name);
    if (file === undefined) continue;
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    const { readCombinedOnnx } = await import("@chinese-clip/model/onnx"); // a page without an export never downloads its reader
    const opened = [file];
    const { graphs: towers, logitScale } = await readCombinedOnnx(file, async (beside) => {
      const data = await files.open(folder + beside);
      if (data !== undefined) opened.push(data);
      return data;
    });
    return { graphs: towers, logitScale, files: opened };
  }
  return undefined;
}
