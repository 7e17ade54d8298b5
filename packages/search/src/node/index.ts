export { FolderStore, type IndexRepairs, openFolderStore } from "./folder-store/folder-store.js";
export type { FolderStoreOptions } from "./folder-store/open-index.js";
export { type CreateBuffers, type NpyPart, readNpy, readNpyParts, searchNpy, writeNpy } from "./npy-file.js";
export { lockFile } from "./process-lock.js";
