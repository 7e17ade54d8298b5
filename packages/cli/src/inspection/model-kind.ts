/**
 * What kind of files a model comes in: who named its tensors, and which format its weights are in.
 */
import type { Checkpoint } from "@chinese-clip/model";
import { EXPORT_FILES, isCheckpointFile, isGraphFile, type ModelFiles } from "@chinese-clip/pipeline";

/** Whose naming, and which file format. */
export interface ModelKind {
  /** Tensor names and configuration: Hugging Face's, or cn_clip's training and release; an ONNX export has neither. */
  readonly naming: "hugging-face" | "cn_clip" | "onnx-export";
  readonly format: "safetensors" | "torch-zip" | "torch-legacy" | "onnx";
}

/** @returns undefined where no weights are to be seen. */
export async function tellKind(files: ModelFiles, checkpoint: Checkpoint | undefined): Promise<ModelKind | undefined> {
  if (checkpoint === undefined) {
    const names = await files.list();
    const hasExport = names.some(isGraphFile) || (await opens(files, EXPORT_FILES[0] ?? ""));
    return hasExport ? { naming: "onnx-export", format: "onnx" } : undefined;
  }
  const tensors = [...checkpoint.tensors.values()];
  // cn_clip keeps its projections the other way round than Hugging Face.
  const naming = tensors.some(({ transposed }) => transposed) ? "cn_clip" : "hugging-face";
  const file = tensors[0]?.file;
  return { naming, format: await formatOf(files, file) };
}

async function opens(files: ModelFiles, name: string): Promise<boolean> {
  return files.open(name).then(
    (file) => file !== undefined,
    () => false,
  );
}

/** By the first bytes of the file whose `name` (in a hub's cache, its hash) the tensors have. */
async function formatOf(files: ModelFiles, location: string | undefined): Promise<ModelKind["format"]> {
  for (const name of await files.list()) {
    const file = isCheckpointFile(name) ? await files.open(name).catch(() => undefined) : undefined;
    if (file === undefined || file.name !== location) continue;
    const [a, b, , , , , , , ninth] = await file.read(0, 9);
    if (ninth !== 0x7b && a === 0x50 && b === 0x4b) return "torch-zip";
    if (ninth !== 0x7b && a === 0x80) return "torch-legacy";
  }
  return "safetensors";
}
