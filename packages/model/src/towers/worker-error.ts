/** The error of a thread that cannot answer. */

/** Why a model or a thread could not answer: the thread ended by itself, or `dispose` was called. */
export class WorkerError extends Error {
  /** Always `"WorkerError"`, also when the class was loaded twice. */
  override readonly name: string = "WorkerError";
  /** `"crashed"`: an uncaught exception, `process.exit`, or no memory; a later call starts a new thread. `"disposed"`: for good. */
  readonly code: "crashed" | "disposed";

  constructor(code: "crashed" | "disposed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
