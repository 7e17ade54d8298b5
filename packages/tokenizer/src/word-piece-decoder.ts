/** Tokens back to text, as Hugging Face's fast BERT tokenizer does it. Follows `decoders/wordpiece.rs` of `tokenizers`. */

/** How to join tokens. */
export interface WordPieceDecoder {
  /** Taken off a token that continues a word; `##` in BERT. */
  readonly prefix: string;
  /** Whether to take out spaces before punctuation, token by token. */
  readonly cleanup: boolean;
}

/**
 * Joins tokens with spaces, and continuations without. Makes the reference's replacements
 * that can match within one token, since no token contains a space.
 */
export function joinTokens(tokens: readonly string[], { prefix, cleanup }: WordPieceDecoder): string {
  let text = "";
  for (const [i, token] of tokens.entries()) {
    if (i > 0 && token.startsWith(prefix)) text += token.slice(prefix.length);
    else text += i === 0 || (cleanup && /^([.?!,]|n't|'m|'s|'ve|'re)/.test(token)) ? token : ` ${token}`;
  }
  return text;
}
