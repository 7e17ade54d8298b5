/**
 * Tokens that the flavour `transformers` finds in the text itself before anything else, `[SEP]` among them. Follows
 * `tokenizer/added_vocabulary.rs` of Hugging Face's `tokenizers`: leftmost match, the longest of several; first the tokens that are looked for
 * in the text as it is, then, in what is between, those that are looked for in the normalised text.
 */
import { WHITE_SPACE } from "./character-class.js";

/** One entry of `added_tokens` in a `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Left out by `decode` with `skipSpecialTokens`. */
  readonly special: boolean;
  /** Looked for in the normalised text. */
  readonly normalized: boolean;
  /** Only where no word character touches it. */
  readonly singleWord: boolean;
  /** The white space before it belongs to it. */
  readonly lstrip: boolean;
  /** The white space after it belongs to it. */
  readonly rstrip: boolean;
}

/** A half-open range of the text, and the token that stands there, if any. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly id: number | undefined;
}

const startsWithWordCharacter = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const endsWithWordCharacter = new RegExp(`${startsWithWordCharacter.source.slice(1)}$`, "u");

/** Cuts a text at the tokens in it. */
export class AddedTokenSplitter {
  readonly #pattern: RegExp;
  readonly #tokens: ReadonlyMap<string, AddedToken>;

  /** Takes each token with what to look for: no two the same, none empty. */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    // An alternation takes its first match at the leftmost position, so the longest goes first.
    const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(longestFirst.map((p) => p.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "g");
  }

  /** The segments of the text, in order and without gaps. */
  split(text: string): Segment[] {
    const segments: Segment[] = [];
    let done = 0;
    for (const match of text.matchAll(this.#pattern)) {
      const token = this.#tokens.get(match[0]) as AddedToken;
      let start = match.index;
      let end = start + match[0].length;
      // Two units hold the code point that touches the match.
      const before = text.slice(Math.max(0, start - 2), start);
      const after = text.slice(end, end + 2);
      if (token.singleWord && (endsWithWordCharacter.test(before) || startsWithWordCharacter.test(after))) continue;
      if (token.lstrip) while (start > done && WHITE_SPACE.test(text.charAt(start - 1))) start--;
      if (token.rstrip) while (WHITE_SPACE.test(text.charAt(end))) end++;
      if (done < start) segments.push({ start: done, end: start, id: undefined });
      segments.push({ start, end, id: token.id });
      done = end;
    }
    if (done < text.length) segments.push({ start: done, end: text.length, id: undefined });
    return segments;
  }
}
