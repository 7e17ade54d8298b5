/**
 * Tokens that the flavour `transformers` finds in the text itself before anything else, `[SEP]` among them. Follows
 * `tokenizer/added_vocabulary.rs` of Hugging Face's `tokenizers`: leftmost match, the longest of several; first the tokens that are looked for
 * in the text as it is, then, in what is between, those that are looked for in the normalised text.
 */
import type { Normalize } from "./normalization.js";

/** One entry of `added_tokens` in a `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
  /** Looked for in the normalised text. */
  readonly normalized: boolean;
}

/** A half-open range of the text, and the id of the token that stands there, if any. */
export type Segment = readonly [start: number, end: number, id?: number | undefined];

/** Cuts a text at the tokens in it: segments in order and without gaps. */
export type SplitAtTokens = (text: string) => Segment[];

function buildCut(tokens: readonly AddedToken[], toPattern: (content: string) => string): SplitAtTokens {
  const ids = new Map(tokens.map(({ content, id }) => [toPattern(content), id]));
  ids.delete("");
  // An alternation takes its first match at the leftmost position, so the longest goes first; no alternative never matches.
  const longestFirst = [...ids.keys()].sort((a, b) => b.length - a.length);
  const source = longestFirst.map((p) => p.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  const pattern = new RegExp(source || "(?!)", "g");
  return (text) => {
    const segments: Segment[] = [];
    let done = 0;
    // Not `matchAll`, which copies the pattern for each text.
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      if (done < match.index) segments.push([done, match.index]);
      done = pattern.lastIndex;
      segments.push([match.index, done, ids.get(match[0])]);
    }
    if (done < text.length) segments.push([done, text.length]);
    return segments;
  };
}

/** Builds the function for these tokens. */
export function buildSplitAtTokens(tokens: readonly AddedToken[], normalize: Normalize): SplitAtTokens {
  const inNormalized = tokens.filter(({ normalized }) => normalized);
  const cut = buildCut(
    tokens.filter(({ normalized }) => !normalized),
    (content) => content,
  );
  if (inNormalized.length === 0) return cut;
  const cutNormalized = buildCut(inNormalized, (content) => [...content].map(normalize).join(""));
  return (text) =>
    cut(text).flatMap((segment) => {
      const [from, to, id] = segment;
      if (id !== undefined) return [segment];
      let normalized = "";
      // For each unit of the normalised text, the character it came from.
      const origins: Segment[] = [];
      let end = from;
      for (const char of text.slice(from, to)) {
        const origin: Segment = [end, (end += char.length)];
        normalized += normalize(char);
        while (origins.length < normalized.length) origins.push(origin);
      }
      // Where a token is a part only of what one character became, the character is taken whole.
      return cutNormalized(normalized).map(([s, e, token]): Segment => [(origins[s] as Segment)[0], (origins[e - 1] as Segment)[1], token]);
    });
}
