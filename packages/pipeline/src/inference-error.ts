/**
 * The error of a session: of ONNX Runtime while it loads or runs a graph, or of what a run gave.
 */

/** What went wrong: a closed set, so that a caller can branch on it. */
export type InferenceErrorCode =
  /** ONNX Runtime rejects the graph, the weights, the device or the session's options, or has no memory for them. */
  | "load-failed"
  /** ONNX Runtime failed while it ran the graph. */
  | "run-failed"
  /** An output holds NaN or infinity: a weight that is not finite, or an overflow in half precision. */
  | "not-finite"
  /** A weights file was overwritten, truncated or replaced while the model was loaded. */
  | "weights-changed";

/** A graph that could not be loaded or run. `cause` has ONNX Runtime's own error. */
export class InferenceError extends Error {
  /** Always `"InferenceError"`, also when the class was loaded twice. */
  override readonly name = "InferenceError";
  /** Which kind of fault, from a closed set. */
  readonly code: InferenceErrorCode;
  /** The parts of the message as data: device, output, file. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: InferenceErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
