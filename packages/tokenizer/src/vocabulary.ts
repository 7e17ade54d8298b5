/**
 * The vocabulary: tokens in the order of their ids. Follows the format of BERT's `vocab.txt` (one token a line, the line number
 * is the id), but never trims a line: Chinese-CLIP's vocabulary holds tokens that consist of U+2028. transformers 5 does trim them, so an
 * empty token is one that stands for nothing in any text.
 */
import type { AddedToken } from "./added-tokens.js";
import { showText, showValue } from "./show-value.js";
import { TokenizerError } from "./tokenizer-error.js";

/** Tokens by id, ids by token. */
export interface Vocabulary {
  /** `tokens[id]`; without holes. */
  readonly tokens: readonly string[];
  /** The inverse of `tokens`. */
  readonly ids: ReadonlyMap<string, number>;
}

/** A token and what a file gives as its id. */
export type VocabularyEntry = readonly [token: string, id: unknown];

/** A ceiling to all tokens together, in UTF-16 units: six times a multilingual BERT's. The lookup table takes up to 64 bytes for each. */
const MAX_UNITS = 2 ** 22;
/** A ceiling to the number of lines, empty ones too: twice a multilingual BERT's. */
const MAX_LINES = 2 ** 18;
/** A ceiling to one added token: a letter of a hostile text costs at most this much. */
const MAX_ADDED_UNITS = 256;

/**
 * Reads `vocab.txt`: lines that end in `\n` or `\r\n`, behind a byte order mark if there is one. An empty line has an id, but no token.
 * @throws TokenizerError `malformed_line`, `duplicate_token`; `details.line` counts from 1
 */
export function parseVocab(text: string): VocabularyEntry[] {
  const tokens = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (tokens[tokens.length - 1] === "") tokens.pop();
  if (tokens.length === 0) throw new TokenizerError("malformed_line", "vocab.txt: line 1", "a token", "none", { line: 1 });
  if (tokens.length > MAX_LINES) {
    throw new TokenizerError("malformed_line", "vocab.txt", `at most ${MAX_LINES} lines`, String(tokens.length), { line: MAX_LINES + 1 });
  }
  const lines = new Map<string, number>();
  return tokens.map((token, id) => {
    const line = id + 1;
    const before = lines.get(token);
    if (before !== undefined && token !== "") {
      throw new TokenizerError("duplicate_token", `vocab.txt: line ${line}`, "a token", `${showText(token)} of line ${before} again`, {
        line,
      });
    }
    lines.set(token, line);
    return [token, id];
  });
}

/**
 * The model's tokens and the added ones together: ids from 0, each for one token. Ids are missing only where tokens were trimmed, several of
 * them to the same.
 * @throws TokenizerError `invalid_id`
 */
export function buildVocabulary(pieces: readonly VocabularyEntry[], addedTokens: readonly AddedToken[]): Vocabulary {
  const entries = [...pieces, ...addedTokens.map(({ content, id }): VocabularyEntry => [content, id])];
  const ids = new Map<string, number>();
  const tokens: string[] = [];
  const fail = (got: string): never => {
    throw new TokenizerError("invalid_id", "vocabulary: model.vocab, added_tokens", "tokens with ids from 0, without holes", got);
  };
  const isTrimmed = pieces.some(([token]) => token === "");
  let units = 0;
  for (const [token, value] of entries) {
    const id = value as number;
    // `tokens` is filled in any order, but an id far beyond the number of tokens could only leave a hole.
    const isPossible = Number.isInteger(id) && id >= 0 && id < entries.length * (isTrimmed ? 2 : 1);
    // Only a number is an index: an array would become a text first, which fails where it is deep.
    const isAgain = isPossible && ((tokens[id] ?? token) !== token || (token !== "" && (ids.get(token) ?? id) !== id));
    if ((units += token.length) > MAX_UNITS) fail("too much text");
    if (!isPossible || isAgain) fail(`${showValue(token)}: ${showValue(value)}`);
    ids.set(token, id);
    tokens[id] = token;
  }
  for (let id = 0; id < (tokens.length || 1); id++) if (tokens[id] === undefined) tokens[id] = isTrimmed ? "" : fail(`none for ${id}`);
  for (const { content } of addedTokens) {
    if (content === "" || content.length > MAX_ADDED_UNITS) fail(`an added token of ${content.length} UTF-16 units`);
  }
  return { tokens, ids };
}

/**
 * The id of a token that must exist.
 * @throws TokenizerError `missing_token`
 */
export function requireToken({ ids }: Vocabulary, token: string): number {
  const id = ids.get(token);
  if (id === undefined) throw new TokenizerError("missing_token", "vocabulary", `the special token ${showText(token)}`, "none");
  return id;
}
