/**
 * The vocabulary: tokens in the order of their ids. Follows the format of BERT's `vocab.txt` (one token a line, the line number
 * is the id), but never trims a line: Chinese-CLIP's vocabulary holds tokens that consist of U+2028.
 */
import { TokenizerError, type TokenizerErrorCode } from "./tokenizer-error.js";

/** Tokens by id, ids by token. */
export interface Vocabulary {
  /** `tokens[id]`; without holes. */
  readonly tokens: readonly string[];
  /** The inverse of `tokens`. */
  readonly ids: ReadonlyMap<string, number>;
}

/**
 * Reads `vocab.txt`. One newline at the end is allowed; lines may end in `\r\n` if all do.
 * @throws TokenizerError `malformed_line`, `duplicate_token`; `details.line` counts from 1
 */
export function parseVocab(text: string): Vocabulary {
  const hasReturns = text.includes("\r\n");
  const tokens = text.split(hasReturns ? "\r\n" : "\n");
  if (tokens.length > 1 && tokens[tokens.length - 1] === "") tokens.pop();
  const ids = new Map<string, number>();
  const fail = (code: TokenizerErrorCode, got: string): never => {
    const line = ids.size + 1;
    throw new TokenizerError(code, `vocab.txt: line ${line}`, "a token", got, { line });
  };
  for (let id = 0; id < tokens.length; id++) {
    const token = tokens[id] as string;
    if (token === "" || (hasReturns && token.includes("\n"))) fail("malformed_line", JSON.stringify(token.slice(0, 60)));
    if (ids.has(token)) fail("duplicate_token", `${token} of line ${tokens.indexOf(token) + 1} again`);
    ids.set(token, id);
  }
  return { tokens, ids };
}

/**
 * The id of a token that must exist.
 * @throws TokenizerError `missing_token`
 */
export function requireToken({ ids }: Vocabulary, token: string): number {
  const id = ids.get(token);
  if (id === undefined) throw new TokenizerError("missing_token", "vocabulary", `the special token ${token}`, "none");
  return id;
}
