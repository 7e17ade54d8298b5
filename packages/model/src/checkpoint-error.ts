/** What is wrong with a checkpoint: a closed set, so that a caller can branch on it. */
export type CheckpointErrorCode =
  /** A file is not what its name says, or is cut short. */
  | "malformed"
  /** A pickle asks for code to be called that no checkpoint needs; nothing was called. */
  | "forbidden-global"
  /** `config.json` lacks sense: an impossible value, another kind of model. */
  | "invalid-config"
  /** A file that this model needs is not there. */
  | "missing-file"
  /** A tensor that the configuration asks for is not in the checkpoint. */
  | "missing-tensor"
  /** A tensor is there with another shape than the configuration says. */
  | "shape-mismatch"
  /** A tensor's number format cannot be used. */
  | "unsupported-dtype"
  /** An ONNX file holds a graph that is not an export of this model, or lacks what is asked of it. */
  | "unsupported-graph"
  /** The tokenizer knows more entries than the text tower has embeddings. */
  | "vocabulary-mismatch";

/** Bad data in a checkpoint or its configuration; `details` names the file, tensor or key, and what was expected. */
export class CheckpointError extends Error {
  /** Always `"CheckpointError"`, also when the class was loaded twice. */
  override readonly name = "CheckpointError";
  /** Which kind of fault, from a closed set. */
  readonly code: CheckpointErrorCode;
  /** The parts of the message as data: file, tensor, key, expected, actual. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: CheckpointErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** A value from an untrusted file, short enough for a message. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Throws that a file is not what it should be; `details` names the file. */
export function malformed(
  { name }: { readonly name: string },
  message: string,
  details: Readonly<Record<string, unknown>> = {},
  options?: ErrorOptions,
): never {
  throw new CheckpointError("malformed", `${name}: ${message}`, { file: name, ...details }, options);
}
