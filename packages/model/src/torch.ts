/** `@chinese-clip/model/torch`: what a file by `torch.save` holds, and how to write one. `readCheckpoint` loads the same reader with the first `.pt` or `.bin` file. */
export type { LocatedTensor, TensorDict } from "./weights/tensor-dict.js";
export { readTorchFile } from "./weights/torch-file.js";
export { type CnClipTensor, cnClipTensors } from "./weights/cn-clip-names.js";
export { torchArchive, type TorchFields, type TorchPart, type TorchRecord } from "./weights/torch-archive.js";
