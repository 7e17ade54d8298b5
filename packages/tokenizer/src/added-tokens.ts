/**
 * Tokens that the flavour `transformers` finds in the text itself before anything else, `[SEP]` among them. Follows
 * `tokenizer/added_vocabulary.rs` of Hugging Face's `tokenizers`: leftmost match, the longest of several; first the tokens that are looked for
 * in the text as it is, then, in what is between, those that are looked for in the normalised text.
 */
import { WHITE_SPACE } from "./character-class.js";
import type { CharacterTable } from "./normalization.js";

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

/** Tokens by what to look for, and the pattern that finds any of these. */
interface Matcher {
  readonly tokens: ReadonlyMap<string, AddedToken>;
  readonly pattern: RegExp;
}

function buildMatcher(tokens: readonly AddedToken[], toPattern: (content: string) => string): Matcher {
  const byPattern = new Map(tokens.map((token) => [toPattern(token.content), token]));
  byPattern.delete("");
  // An alternation takes its first match at the leftmost position, so the longest goes first; no alternative never matches.
  const longestFirst = [...byPattern.keys()].sort((a, b) => b.length - a.length);
  const source = longestFirst.map((p) => p.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  return { tokens: byPattern, pattern: new RegExp(source || "(?!)", "g") };
}

/** Cuts texts at the tokens in them. */
export class AddedTokenSplitter {
  readonly #table: CharacterTable;
  readonly #plain: Matcher;
  readonly #normalized: Matcher;

  /** The table normalises texts, and those of the tokens that are looked for in normalised ones. */
  constructor(tokens: readonly AddedToken[], table: CharacterTable) {
    this.#table = table;
    this.#plain = buildMatcher(
      tokens.filter(({ normalized }) => !normalized),
      (content) => content,
    );
    this.#normalized = buildMatcher(
      tokens.filter(({ normalized }) => normalized),
      (content) => this.#normalize(content).text,
    );
  }

  /** The segments of the text, in order and without gaps. */
  split(text: string): Segment[] {
    const segments = cut(text, this.#plain);
    if (this.#normalized.tokens.size === 0) return segments;
    return segments.flatMap((segment) => (segment.id === undefined ? this.#splitNormalized(text, segment) : segment));
  }

  /** Cuts the normalised text, and gives the segments as ranges of the text itself. (A token that is a part of one character takes it all.) */
  #splitNormalized(text: string, { start: from, end: to }: Segment): Segment[] {
    const normalized = this.#normalize(text.slice(from, to));
    return cut(normalized.text, this.#normalized).map(({ start, end, id }) => ({
      start: from + (normalized.starts[start] as number),
      end: from + (normalized.ends[end - 1] as number),
      id,
    }));
  }

  /** The normalised text, and for each of its units the start and end of the character it came from. */
  #normalize(text: string): { text: string; starts: number[]; ends: number[] } {
    let normalized = "";
    const starts: number[] = [];
    const ends: number[] = [];
    let end = 0;
    for (const char of text) {
      const start = end;
      end += char.length;
      for (const unit of this.#table.normalize(char).split("")) {
        normalized += unit;
        starts.push(start);
        ends.push(end);
      }
    }
    return { text: normalized, starts, ends };
  }
}

function cut(text: string, { tokens, pattern }: Matcher): Segment[] {
  const segments: Segment[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    const { id, singleWord, lstrip, rstrip } = tokens.get(match[0]) as AddedToken;
    let start = match.index;
    let end = start + match[0].length;
    // Two units hold the code point that touches the match.
    const touchesWord =
      endsWithWordCharacter.test(text.slice(Math.max(0, start - 2), start)) || startsWithWordCharacter.test(text.slice(end, end + 2));
    if (singleWord && touchesWord) continue;
    while (lstrip && start > done && WHITE_SPACE.test(text.charAt(start - 1))) start--;
    while (rstrip && WHITE_SPACE.test(text.charAt(end))) end++;
    if (done < start) segments.push({ start: done, end: start, id: undefined });
    segments.push({ start, end, id });
    done = end;
  }
  if (done < text.length) segments.push({ start: done, end: text.length, id: undefined });
  return segments;
}
