/**
 * What the file system says of a place that is written to, as an error that names the place.
 */
import { errorMessage } from "../error-message.js";
import { systemErrorCode } from "./system-error.js";

/** `disk-full`: no space or quota left; `not-writable`: no right to write, a read-only file system, anything else. */
export type OutputErrorCode = "disk-full" | "not-writable";

/** Files that cannot be written. */
export class OutputError extends Error {
  override readonly name: string = "OutputError";
  readonly code: OutputErrorCode;
  /** The place, the system's error code, and its message. */
  readonly details: { readonly path: string; readonly errno: string; readonly reason: string };

  constructor(code: OutputErrorCode, details: OutputError["details"], options?: ErrorOptions) {
    super(
      code === "disk-full"
        ? `${details.path}: the disk is full (${details.errno}). Free some space on it, or write to a folder on another disk`
        : `${details.path}: cannot be written (${details.reason.includes(details.errno) ? "" : `${details.errno}: `}${details.reason}). Check its permissions, or write to another folder`,
      options,
    );
    this.code = code;
    this.details = details;
  }
}

/**
 * Runs what only writes to a place.
 *
 * @throws OutputError - for an error of the file system; anything else as it is.
 */
export async function writingTo<Result>(path: string, write: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const errno = systemErrorCode(error);
    if (errno === undefined) throw error;
    const code = errno === "ENOSPC" || errno === "EDQUOT" ? "disk-full" : "not-writable";
    throw new OutputError(code, { path, errno, reason: errorMessage(error) }, { cause: error });
  }
}
