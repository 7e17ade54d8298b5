import type { CheckpointFile } from "../weights/byte-source.js";
import type { CombinedOnnx } from "./combined-onnx.js";

/**
 * Reads a combined export. Of weights no more than headers are read.
 *
 * @param file - the `.onnx` file.
 * @param openBeside - opens a file in the same folder by its name, for weights that are kept apart, or gives undefined.
 * @throws {@link CheckpointError} `malformed`, `missing-file`, or `unsupported-graph`: not this kind of export.
 */
export async function readCombinedOnnx(
  file: CheckpointFile,
  openBeside: (name: string) => Promise<CheckpointFile | undefined>,
): Promise<CombinedOnnx> {
  const { cutCombinedOnnx } = await import("./combined-onnx.js"); // a page without an export never downloads its reader
  return cutCombinedOnnx(file, openBeside);
}
