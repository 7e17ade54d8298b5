/**
 * Added tokens: found in the text itself before words are looked up, and no pieces of words. Follows `tokenizer/added_vocabulary.rs` of
 * Hugging Face's `tokenizers`: leftmost match, the longest of several; first the tokens that are looked for in the text as it is, then, in
 * what is between, those that are looked for in the normalised text.
 */
import { WHITE_SPACE } from "./character-class.js";
import type { Normalize } from "./normalization.js";
import { buildTrie, START } from "./piece-trie.js";

/** One entry of `added_tokens` in a `tokenizer.json`, or of `added_tokens_decoder` in a `tokenizer_config.json`. */
export interface AddedToken {
  /** Its id. */
  readonly id: number;
  /** What is looked for, 1 to 256 UTF-16 units. */
  readonly content: string;
  /** Left out by `decode` with `skipSpecialTokens`. Default false. */
  readonly special?: boolean | undefined;
  /** Looked for in the normalised text. Default: true unless `special`. */
  readonly normalized?: boolean | undefined;
  /** Not found inside a word. Default false. */
  readonly singleWord?: boolean | undefined;
  /** Takes the white space before it. Default false. */
  readonly lstrip?: boolean | undefined;
  /** Takes the white space behind it. Default false. */
  readonly rstrip?: boolean | undefined;
}

/** A half-open range of the text, and the id of the token that stands there, if any. */
export type Segment = readonly [start: number, end: number, id?: number | undefined];

/** Cuts a text at the tokens in it: segments in order. */
export type SplitAtTokens = (text: string) => Segment[];

/** `\w` of Rust's regular expressions. */
const WORD_LETTER = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_C}]/u;

function buildCut(tokens: readonly AddedToken[], toPattern: (content: string) => string): SplitAtTokens {
  const byPattern = new Map<string, AddedToken>();
  for (const token of tokens) {
    const pattern = toPattern(token.content);
    if (pattern && !byPattern.has(pattern)) byPattern.set(pattern, token);
  }
  const found = [...byPattern.values()];
  const { nodes, find } = buildTrie([...byPattern.keys()].map((pattern, i) => [pattern, i]));
  // A token can begin at these characters only; the engine finds them faster than a walk through the trie.
  const firsts = new Set(Array.from(byPattern.keys(), (pattern) => `\\u{${pattern.codePointAt(0)!.toString(16)}}`));
  const first = new RegExp(`[${[...firsts].join("")}]`, "gu");
  return (text) => {
    const segments: Segment[] = [];
    let done = 0;
    first.lastIndex = 0;
    for (let match = first.exec(text); match !== null; match = first.exec(text)) {
      let token: AddedToken | undefined;
      let start = match.index;
      let end = start;
      for (let i = start, parent = START; i < text.length;) {
        const label = text.codePointAt(i)!;
        const place = find(parent, label);
        if (nodes[place] === 0) break;
        parent = place + 4;
        i += label > 0xffff ? 2 : 1;
        if (nodes[place + 2] !== 0) {
          token = found[nodes[place + 2]! - 1];
          end = i;
        }
      }
      if (token === undefined) continue;
      first.lastIndex = end;
      const before = Array.from(text.slice(Math.max(0, start - 2), start)).pop() ?? "";
      const behind = Array.from(text.slice(end, end + 2))[0] ?? "";
      if (token.singleWord && (WORD_LETTER.test(before) || WORD_LETTER.test(behind))) continue;
      if (token.lstrip) while (start > done && WHITE_SPACE.test(text.charAt(start - 1))) start--;
      if (token.rstrip) {
        // Up to `done` the token before has taken white space already.
        end = Math.max(end, done);
        while (end < text.length && WHITE_SPACE.test(text.charAt(end))) end++;
      }
      if (done < start) segments.push([done, start]);
      segments.push([start, (done = end), token.id]);
    }
    if (done < text.length) segments.push([done, text.length]);
    return segments;
  };
}

/** Builds the function for these tokens; of two that look alike, the first counts. */
export function buildSplitAtTokens(tokens: readonly AddedToken[], normalizeSlowly: Normalize): SplitAtTokens {
  const known = new Map<string, string>();
  const normalize: Normalize = (char) => {
    let normal = known.get(char);
    if (normal === undefined) known.set(char, (normal = normalizeSlowly(char)));
    return normal;
  };
  const isNormalized = ({ normalized, special }: AddedToken): boolean => normalized ?? !special;
  const inNormalized = tokens.filter(isNormalized);
  const cut = buildCut(
    tokens.filter((token) => !isNormalized(token)),
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
