/**
 * Writing files under Node, for every package that does: locks between processes, and files and folders that appear whole or not at all.
 */
export { FileLock, type LockOwner } from "./file-lock.js";
export { OutputError, type OutputErrorCode, writingTo } from "./output-error.js";
export { stageFile, stageFolder, sweepStaging } from "./staging.js";
export { systemErrorCode } from "./system-error.js";
