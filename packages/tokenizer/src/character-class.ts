/**
 * What the two reference tokenizers think of a character.
 *
 * Follows `BasicTokenizer` in cn_clip's `bert_tokenizer.py` (Python's `unicodedata`, Unicode 14) and `normalizers/bert.rs` and
 * `pre_tokenizers/bert.rs` of Hugging Face's `tokenizers` 0.23 (the crate `unicode_categories`, about Unicode 8). A JavaScript
 * engine knows a newer Unicode, in which later punctuation, marks and format characters exist that the references take for
 * unassigned: part of a word. `newer` lists these, found by asking both references about every code point; so the ids do not depend on
 * the engine's Unicode version as long as it is 14 to 17.
 */

/** Whose ids to reproduce: cn_clip's own tokenizer, with which the models were trained, or Hugging Face's fast BERT tokenizer. */
export type Flavor = "cn_clip" | "transformers";

/** Between words: Unicode's White_Space. Both references come to this, cn_clip by its `split()`, which also splits at U+2028 and U+2029. */
export const WHITE_SPACE: RegExp = /[\t-\r \x85\p{Z}]/u;

const patterns = {
  cn_clip: {
    dropped: /(?![\t\n\r])[\p{Cc}\p{Cf}\uFFFD]/u,
    // U+1171E was a mark when the references' tables were made; so was U+1734, and U+166D and U+111C9 were punctuation, in the older one.
    mark: /[\p{Mn}\u{1171E}]/u,
    punctuation: /[!-/:-@[-`{-~\p{P}]/u,
    ideograph: /[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\u{20000}-\u{2A6DF}\u{2A700}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/u,
    // Ranges in base 36, as `gap since the last end, length - 1` pairs. They run on over code points that nobody puts in any class.
    newer: "1p3,0,187,0,2dd,s,2r,1,1c,0,1bsa,5,9u,1b,n6,0,ai,13,1em,69,m7,2i,44f,8vq,2f2,2,mqo,0,v1,eh",
  },
  transformers: {
    dropped: /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD]/u,
    mark: /(?!\u{111C9})[\p{Mn}\u{1171E}\u1734]/u,
    punctuation: /[!-/:-@[-`{-~\p{P}\u166D\u{111C9}]/u,
    // Extension E begins at U+2B820; the reference has a slip of the pen here.
    ideograph: /[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/u,
    newer:
      "17h,0,dc,0,43,2a,7v,1,3c,0,3o,5,2e,0,4v,1k,1n,0,d,0,3g,0,1n,1,1x,0,8p,0,k,0,1tt,3b,ft,18,2r,1,1a,2,hj,5,37s,q,o27,0,49,0,1m,0,5a,0,jmv,h1,6f,4,26,b,76,0,33,3,6y,0,3k,4j,ea,c,25,0,ae,1jk,35e,9q6,2f2,de,43,2,isc,1y,3ay,1dh,gf,r",
  },
};

/**
 * Whether one character (a code point as a string) is
 * `dropped` before anything else: control and format characters, U+FFFD; in `transformers` private use and lone surrogates, too;
 * a `mark`: category Mn, dropped after canonical decomposition;
 * `punctuation`, a word of its own: ASCII other than letters and digits, or category P*;
 * an `ideograph`, a word of its own: of the CJK blocks that BERT knew.
 */
export type CharacterTest = (kind: "dropped" | "mark" | "punctuation" | "ideograph", char: string) => boolean;

/** The classes of one flavour. Slow: ask once per distinct character and remember. */
export function buildCharacterTest(flavor: Flavor): CharacterTest {
  let last = 0;
  const bounds = patterns[flavor].newer.split(",").map((part, i) => (last += Number.parseInt(part, 36)) + (i & 1));
  return (kind, char) => {
    if (!patterns[flavor][kind].test(char)) return false;
    // Half-open ranges: a code point is inside one when an odd number of bounds lies at or below it.
    const codePoint = char.codePointAt(0) as number;
    return bounds.filter((bound) => bound <= codePoint).length % 2 === 0;
  };
}
