/** `@chinese-clip/model/torch`: what a file by `torch.save` holds. `readCheckpoint` loads the same reader with the first `.pt` or `.bin` file. */
export type { LocatedTensor, TensorDict } from "./weights/tensor-dict.js";
export { readTorchFile } from "./weights/torch-file.js";
