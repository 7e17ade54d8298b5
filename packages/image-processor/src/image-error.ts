/**
 * The package's one error class. The platforms' decoders throw it too, so that whoever loads an image has one class to catch.
 */

/**
 * What was wrong:
 * - `invalid-config`: a preprocessor_config.json says something that has no meaning for this model;
 * - `unsupported-resample`: its resampling filter is not one that this package computes bit for bit;
 * - `invalid-image`: pixels whose size, channels and bytes do not fit together;
 * - `too-large`, `truncated`, `unknown-format`, `unreadable`: thrown by the platforms' decoders for encoded files;
 * - `out-of-resources`: nothing is wrong with the image, but the process has no file handle or memory left to read it.
 */
export type ImageErrorCode =
  | "invalid-config"
  | "unsupported-resample"
  | "invalid-image"
  | "too-large"
  | "truncated"
  | "unknown-format"
  | "unreadable"
  | "out-of-resources";

/** Bad data: an image or a configuration that cannot be used. A caller's own mistake is a `TypeError` or `RangeError` instead. */
export class ImageError extends Error {
  /** Always `"ImageError"`, also when the class was loaded twice. */
  override readonly name = "ImageError";
  /** What was wrong, from a closed list. */
  readonly code: ImageErrorCode;
  /** The values that were rejected, for a program to read. */
  readonly details: Readonly<Record<string, unknown>>;

  /** `message` is worded `where: expected X, got Y`; `cause` is the error of a decoder or parser beneath. */
  constructor(code: ImageErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
