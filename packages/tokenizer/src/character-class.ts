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

/** Questions about one code point; `char` is always the same code point as a string. */
export interface CharacterClass {
  /** Removed before anything else: control and format characters, U+0000, U+FFFD; private use and lone surrogates in `transformers`. */
  readonly isDropped: (codePoint: number, char: string) => boolean;
  /** Category Mn, removed after canonical decomposition. */
  readonly isMark: (codePoint: number, char: string) => boolean;
  /** A word of its own: ASCII other than letters and digits, or category P*. */
  readonly isPunctuation: (codePoint: number, char: string) => boolean;
  /** A word of its own: a code point of the CJK ideograph blocks that BERT knew. */
  readonly isIdeograph: (codePoint: number) => boolean;
}

/** Between words: Unicode's White_Space. Both references come to this, cn_clip by its `split()`, which also splits at U+2028 and U+2029. */
export const WHITE_SPACE: RegExp = /[\t-\r \x85\p{Z}]/u;

// Ranges in base 36, as `gap since the last end, length - 1` pairs. They run on over code points that no reference and no engine classes.
const newer: Record<Flavor, string> = {
  cn_clip: "1p3,0,187,0,2dd,s,2r,1,1c,0,1bsa,5,9u,1b,n6,0,ai,13,1em,69,m7,2i,44f,8vq,2f2,2,mqo,0,v1,eh",
  transformers:
    "17h,0,dc,0,43,2a,7v,1,3c,0,3o,5,2e,0,4v,1k,1n,0,d,0,3g,0,1n,1,1x,0,8p,0,k,0,1tt,3b,ft,18,2r,1,1a,2,hj,5,37s,q,o27,0,49,0,1m,0,5a,0,jmv,h1,6f,4,26,b,76,0,33,3,6y,0,3k,4j,ea,c,25,0,ae,1jk,35e,9q6,2f2,de,43,2,isc,1y,3ay,1dh,gf,r",
};

function buildIsNewer(flavor: Flavor): (codePoint: number) => boolean {
  const bounds: number[] = [];
  let last = 0;
  for (const [i, part] of newer[flavor].split(",").entries()) {
    last += Number.parseInt(part, 36);
    // Half-open: a code point is inside when an odd number of bounds lies at or below it.
    bounds.push(last + (i & 1));
  }
  return (codePoint) => bounds.filter((bound) => bound <= codePoint).length % 2 === 1;
}

/** The classes of one flavour. Slow (regular expressions and a linear search): ask once per distinct code point and remember. */
export function buildCharacterClass(flavor: Flavor): CharacterClass {
  const rust = flavor === "transformers";
  const isNewer = buildIsNewer(flavor);
  const dropped = rust ? /[\0\uFFFD\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u : /[\0\uFFFD\p{Cc}\p{Cf}]/u;
  // The two ways in which the crate of the reference disagrees with later Unicode otherwise: characters whose category has changed since.
  const oncePunctuation = (codePoint: number): boolean => rust && (codePoint === 0x166d || codePoint === 0x111c9);
  const onceMark = (codePoint: number): boolean => codePoint === 0x1171e || (rust && codePoint === 0x1734);
  return {
    isDropped: (codePoint, char) => dropped.test(char) && !/[\t\n\r]/.test(char) && !isNewer(codePoint),
    isMark: (codePoint, char) => onceMark(codePoint) || (/\p{Mn}/u.test(char) && !isNewer(codePoint) && !oncePunctuation(codePoint)),
    isPunctuation: (codePoint, char) =>
      /[!-/:-@[-`{-~]/.test(char) || oncePunctuation(codePoint) || (/\p{P}/u.test(char) && !isNewer(codePoint)),
    isIdeograph: (c) =>
      (c >= 0x4e00 && c <= 0x9fff) ||
      (c >= 0x3400 && c <= 0x4dbf) ||
      (c >= 0xf900 && c <= 0xfaff) ||
      (c >= 0x20000 && c <= 0x2a6df) ||
      (c >= 0x2a700 && c <= 0x2b81f) ||
      // Extension E begins at U+2B820; Hugging Face's fast tokenizer has a slip of the pen here.
      (c >= (rust ? 0x2b920 : 0x2b820) && c <= 0x2ceaf) ||
      (c >= 0x2f800 && c <= 0x2fa1f),
  };
}
