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
  /** A file is there and cannot be read: no permission, a cycle of links, a failing disk. */
  | "unreadable"
  /** A tensor that the configuration asks for is not in the checkpoint. */
  | "missing-tensor"
  /** A tensor is there with another shape than the configuration says. */
  | "shape-mismatch"
  /** A tensor's dtype cannot be used. */
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

/** How deep and how far a message goes into a value, and how much of it is shown. */
const SHOWN_DEPTH = 3;
const SHOWN_ITEMS = 20;
const SHOWN_LENGTH = 80;

/** A value from an untrusted file, short enough for a message, however large or deep it is; control characters are escaped. */
export function quote(value: unknown): string {
  const text = printable(JSON.stringify(excerpt(value, SHOWN_DEPTH)) ?? typeof value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH - 3)}...` : text;
}

/** A text without what a terminal acts on; JSON itself leaves U+007F to U+009F and the marks that turn the direction of text as they are. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}

/** A tensor's name for a message: as it is where it is one, else quoted. */
export function showName(name: string): string {
  return /^[\w.:/-]{1,200}$/.test(name) ? name : quote(name);
}

/** What a message can show of a value, and a little more. */
function excerpt(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.slice(0, SHOWN_LENGTH);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return Array.isArray(value) ? ["..."] : "{...}";
  if (Array.isArray(value)) return value.slice(0, SHOWN_ITEMS).map((item) => excerpt(item, depth - 1));
  const shown: Record<string, unknown> = {};
  let items = 0;
  for (const key in value) {
    if (items++ === SHOWN_ITEMS) break;
    shown[key.slice(0, SHOWN_LENGTH)] = excerpt((value as Record<string, unknown>)[key], depth - 1);
  }
  return shown;
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
