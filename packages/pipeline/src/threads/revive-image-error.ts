import { ImageError, type ImageErrorCode } from "@chinese-clip/image-processor";
import type { RevivedFields } from "./serialized-error.js";

/** An `ImageError` that a thread threw, as one again. */
export function reviveImageError(message: string, { code, details, cause }: RevivedFields): ImageError {
  const fields: Record<string, unknown> = typeof details === "object" && details !== null ? { ...details } : {};
  // the other end made it of an ImageError's
  return new ImageError(code as ImageErrorCode, message, fields, cause === undefined ? undefined : { cause });
}
