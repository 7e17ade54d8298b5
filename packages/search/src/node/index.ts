export { type CreateBuffers, type NpyPart, readNpy, readNpyParts, searchNpy, writeNpy } from "./npy-file.js";
