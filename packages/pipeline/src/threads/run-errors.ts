/**
 * The errors of ONNX Runtime at its border, the same on every platform: what it throws, and outputs that are no numbers.
 */
import { errorMessage } from "../error-message.js";
import { InferenceError } from "../inference-error.js";
import type { PlainTensors } from "./plain-tensor.js";

/** What ONNX Runtime threw while it loaded a graph. */
export function loadFailure(cause: unknown): InferenceError {
  return new InferenceError("load-failed", `ONNX Runtime could not load the model: ${errorMessage(cause)}`, {}, { cause });
}

/** What ONNX Runtime threw while it ran a graph. */
export function runFailure(cause: unknown): InferenceError {
  return new InferenceError("run-failed", `ONNX Runtime could not run the model: ${errorMessage(cause)}`, {}, { cause });
}

/**
 * Rejects outputs that are not finite: one pass over them, which are small beside what made them.
 *
 * @throws InferenceError - `not-finite`.
 */
export function checkFinite(outputs: PlainTensors): void {
  for (const [output, { type, data }] of Object.entries(outputs)) {
    if (type !== "float32" || (data as Float32Array).every(Number.isFinite)) continue;
    throw new InferenceError(
      "not-finite",
      `${output}: expected finite numbers, got NaN or infinity; a weight is not finite, or the dtype is too narrow for this model`,
      { output },
    );
  }
}
