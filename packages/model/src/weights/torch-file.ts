/** Files written by `torch.save`: the one place that tells its formats apart. Loaded with the first such file. */
import type { CheckpointFile } from "./byte-source.js";
import type { TensorDict } from "./tensor-dict.js";
import { openTorchLegacy } from "./torch-legacy.js";
import { findTensorDicts } from "./torch-state-dict.js";
import { openTorchZip } from "./torch-zip.js";

/**
 * Lists the dicts of tensors in a file that `torch.save` wrote, in its zip format or the one before torch 1.6: a state dict, or those that a
 * training loop wraps, such as weights beside an optimizer's state. Reads the directory and the pickle, never weights, and executes nothing.
 *
 * @returns the dicts that hold a tensor, the outermost first.
 * @throws `CheckpointError` with code `malformed`, where the file is neither format, is damaged or holds no tensors; `forbidden-global`, where it
 * holds something else than tensors.
 */
export async function readTorchFile(file: CheckpointFile): Promise<readonly TensorDict[]> {
  const [a, b] = await file.read(0, Math.min(2, file.byteLength));
  const isZip = a === 0x50 && b === 0x4b;
  return findTensorDicts(file, await (isZip ? openTorchZip(file) : openTorchLegacy(file)));
}
