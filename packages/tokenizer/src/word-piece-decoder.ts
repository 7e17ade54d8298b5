/** Tokens back to text, as Hugging Face's fast BERT tokenizer does it. Follows `decoders/wordpiece.rs` of `tokenizers`. */

/** How to join tokens. */
export interface WordPieceDecoder {
  /** Taken off a token that continues a word; `##` in BERT. */
  readonly prefix: string;
  /** Whether to take out spaces before punctuation, token by token. */
  readonly cleanup: boolean;
}

// One token at a time, as in the reference, where most of these can never match a token of this vocabulary; kept for other ones.
const replacements: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

/** Joins tokens by spaces, and continuations without; no decoder joins everything by spaces. */
export function joinTokens(tokens: readonly string[], decoder: WordPieceDecoder | undefined): string {
  if (decoder === undefined) return tokens.join(" ");
  let text = "";
  for (const [i, token] of tokens.entries()) {
    let part = token;
    if (i > 0) part = token.startsWith(decoder.prefix) ? token.slice(decoder.prefix.length) : ` ${token}`;
    if (decoder.cleanup) for (const [from, to] of replacements) part = part.replaceAll(from, to);
    text += part;
  }
  return text;
}
