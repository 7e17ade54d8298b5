/**
 * The one error for bad data: a vocabulary or a `tokenizer.json` that cannot be used. Mistakes of the caller (a wrong
 * argument) are `TypeError` and `RangeError` instead.
 */

/**
 * Why the data was refused:
 * `empty_vocab` no token at all; `empty_token` an empty line or key; `duplicate_token` a token twice; `mixed_line_ends` some lines
 * end in `\r\n` and some in `\n`; `missing_token` a special token that the vocabulary lacks; `invalid_id` an id that is no integer,
 * is given twice or leaves a hole; `invalid_json` text that is no JSON; `invalid_field` a field of a wrong type or value;
 * `unsupported` a well-formed `tokenizer.json` that describes something other than BERT's WordPiece.
 */
export type TokenizerErrorCode =
  | "empty_vocab"
  | "empty_token"
  | "duplicate_token"
  | "mixed_line_ends"
  | "missing_token"
  | "invalid_id"
  | "invalid_json"
  | "invalid_field"
  | "unsupported";

/** Where and what: `where` (a line or a field), `got`, and by the case `line` (from 1), `token`. */
export type TokenizerErrorDetails = Readonly<Record<string, string | number>>;

/** Thrown by {@link BertTokenizer.fromVocab} and {@link BertTokenizer.fromTokenizerJson} for data that cannot be used. */
export class TokenizerError extends Error {
  /** Always `"TokenizerError"`, also when the class was loaded twice. */
  override readonly name: string = "TokenizerError";
  /** The reason, from a closed set. */
  readonly code: TokenizerErrorCode;
  /** What was found, and where. */
  readonly details: TokenizerErrorDetails;

  /** Made by this package; `message` repeats the details in words. */
  constructor(code: TokenizerErrorCode, message: string, details: TokenizerErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** Throws a {@link TokenizerError} worded `where: expected X, got Y`. */
export function refuse(code: TokenizerErrorCode, where: string, expected: string, got: string, more?: { line?: number; cause?: unknown }): never {
  const { cause, ...details } = more ?? {};
  throw new TokenizerError(code, `${where}: expected ${expected}, got ${got}`, { where, got, ...details }, { cause });
}
