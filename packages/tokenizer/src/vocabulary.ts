/**
 * The vocabulary: tokens in the order of their ids. Follows the format of BERT's `vocab.txt` (one token a line, the line number
 * is the id), but never trims a line: Chinese-CLIP's vocabulary holds tokens that consist of U+2028.
 */
import { TokenizerError } from "./tokenizer-error.js";

/** Tokens by id, ids by token. */
export interface Vocabulary {
  /** `tokens[id]`; without holes. */
  readonly tokens: readonly string[];
  /** The inverse of `tokens`. */
  readonly ids: ReadonlyMap<string, number>;
}

/**
 * Reads `vocab.txt`. One newline at the end is allowed; lines may end in `\r\n` if all do.
 * @throws TokenizerError `empty_vocab`, `empty_token`, `duplicate_token`, `mixed_line_ends`; `details.line` counts from 1
 */
export function parseVocab(text: string): Vocabulary {
  const tokens = text.split("\n");
  if (tokens[tokens.length - 1] === "") tokens.pop();
  if (tokens.length === 0) throw new TokenizerError("empty_vocab", "vocab.txt: no token in it");
  if (text.includes("\r")) stripCarriageReturns(tokens, text.endsWith("\n"));
  const ids = new Map<string, number>();
  for (let id = 0; id < tokens.length; id++) {
    const token = tokens[id] as string;
    const line = id + 1;
    if (token === "") throw new TokenizerError("empty_token", `vocab.txt: line ${line} is empty`, { line });
    ids.set(token, id);
    if (ids.size !== line) throw duplicateToken(tokens, token, line);
  }
  return { tokens, ids };
}

function duplicateToken(tokens: readonly string[], token: string, line: number): TokenizerError {
  const firstLine = tokens.indexOf(token) + 1;
  const message = `vocab.txt: line ${line} repeats the token ${JSON.stringify(token)} of line ${firstLine}`;
  return new TokenizerError("duplicate_token", message, { line, firstLine, token });
}

function stripCarriageReturns(tokens: string[], lastLineIsEnded: boolean): void {
  for (let id = 0; id < tokens.length; id++) {
    const token = tokens[id] as string;
    if (token.endsWith("\r")) tokens[id] = token.slice(0, -1);
    else if (id < tokens.length - 1 || lastLineIsEnded) {
      const line = id + 1;
      throw new TokenizerError("mixed_line_ends", `vocab.txt: line ${line} ends in \\n where others end in \\r\\n`, { line });
    }
  }
}

/**
 * The id of a token that must exist.
 * @throws TokenizerError `missing_token`
 */
export function requireToken({ ids }: Vocabulary, token: string): number {
  const id = ids.get(token);
  if (id === undefined) {
    throw new TokenizerError("missing_token", `vocabulary: the special token ${JSON.stringify(token)} is not in it`, { token });
  }
  return id;
}
