/**
 * Files under Node, for every package that reads or writes them: locks between processes, files and folders that appear whole or not at all, and
 * reading what may be no file.
 */
export { FileLock, type LockOwner } from "./file-lock.js";
export { NotAFileError, type NotAFileErrorCode, openFile, readWholeFile } from "./open-file.js";
export { OutputError, type OutputErrorCode, writingTo } from "./output-error.js";
export { stageFile, stageFolder, sweepStaging } from "./staging.js";
export { systemErrorCode } from "./system-error.js";
