import { InferenceError, type InferenceErrorCode } from "../inference-error.js";
import type { RevivedFields } from "./serialized-error.js";

/** An `InferenceError` that a session's thread threw, as one again. */
export function reviveInferenceError(message: string, { code, details, cause }: RevivedFields): InferenceError {
  const fields: Record<string, unknown> = typeof details === "object" && details !== null ? { ...details } : {};
  // the other end made it of an InferenceError's
  return new InferenceError(code as InferenceErrorCode, message, fields, cause === undefined ? undefined : { cause });
}
