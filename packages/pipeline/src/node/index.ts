/**
 * What packages share under Node: locks between processes, files and folders that appear whole or not at all, reading what may be no file, and
 * requests to URLs of strangers.
 */
export { FileLock, type LockOwner } from "./file-lock.js";
export { NotAFileError, type NotAFileErrorCode, type OpenedPath, openFile, openPath, readPipe, readWholeFile } from "./open-file.js";
export { OutputError, type OutputErrorCode, writingTo } from "./output-error.js";
export { isPrivateAddress } from "./private-address.js";
export { AddressError, requestUrl, type RequestOptions } from "./request-url.js";
export { stageFile, stageFolder, sweepStaging } from "./staging.js";
export { isAbsent, systemErrorCode } from "./system-error.js";
