/**
 * The one error for bad data: a vocabulary or a `tokenizer.json` that cannot be used. Mistakes of the caller (a wrong
 * argument) are `TypeError` and `RangeError` instead.
 */

/**
 * Why the data was rejected:
 * `malformed_line` a `vocab.txt` without a token; `duplicate_token` a token twice;
 * `missing_token` a special token that the vocabulary lacks; `invalid_id` an id that is no integer, is given twice or leaves a hole, or tokens beyond a size;
 * `invalid_json` text that is no JSON; `invalid_field` a field of a wrong type or value; `unsupported` a well-formed
 * `tokenizer.json` that describes something other than BERT's WordPiece.
 */
export type TokenizerErrorCode =
  | "malformed_line"
  | "duplicate_token"
  | "missing_token"
  | "invalid_id"
  | "invalid_json"
  | "invalid_field"
  | "unsupported";

/** Where in the data, and what was found there. */
export interface TokenizerErrorDetails {
  /** The file, and the line or field in it. */
  readonly where: string;
  /** What stands there, shortened. */
  readonly got: string;
  /** The line of a `vocab.txt`, from 1. */
  readonly line: number | undefined;
}

/** Thrown by {@link BertTokenizer.fromVocab} and {@link BertTokenizer.fromTokenizerJson} for data that cannot be used. */
export class TokenizerError extends Error {
  /** Always `"TokenizerError"`, also when the class was loaded twice. */
  override readonly name: string = "TokenizerError";
  /** The reason, from a closed set. */
  declare readonly code: TokenizerErrorCode;
  /** What was found, and where. */
  declare readonly details: TokenizerErrorDetails;

  /** Made by this package; the message is worded `where: expected X, got Y`. */
  constructor(code: TokenizerErrorCode, where: string, expected: string, got: string, more?: { line?: number; cause?: unknown }) {
    super(`${where}: expected ${expected}, got ${got}`, more);
    this.code = code;
    this.details = { where, got, line: more?.line };
  }
}
