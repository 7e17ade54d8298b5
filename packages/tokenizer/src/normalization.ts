/**
 * What becomes of each character before words are looked up. Both references transform the text in whole passes (clean, space out
 * ideographs, lower, decompose, drop marks); every pass but one looks at single characters, so here the answer is a function of the
 * character, to be asked once for each distinct one. The exception, Greek final sigma, is resolved beforehand by {@link resolveFinalSigma}.
 * Canonical reordering of combining marks is left out: the marks it moves are dropped, but for a few spacing ones that no vocabulary
 * of this model holds. (After such a one `transformers` may then give the offsets of a dropped mark in its stead; here they are its own.)
 */
import { WHITE_SPACE, type CharacterTest } from "./character-class.js";

/** How to normalise; the same four switches in both references. */
export interface NormalizationOptions {
  /** Drop control characters and the like. */
  readonly cleanText: boolean;
  /** Every ideograph is a word of its own. */
  readonly tokenizeChineseChars: boolean;
  /** Decompose canonically and drop the marks. */
  readonly stripAccents: boolean;
  /** Lower-case. */
  readonly doLowerCase: boolean;
}

/** What a character (a code point as a string) becomes: empty if dropped, one space for white space, an ideograph between two spaces. */
export type Normalize = (char: string) => string;

/** The normaliser of one flavour's characters. */
export function buildNormalize(is: CharacterTest, options: NormalizationOptions): Normalize {
  const { cleanText, tokenizeChineseChars, stripAccents, doLowerCase } = options;
  return (char) => {
    if (cleanText && is("dropped", char)) return "";
    if (WHITE_SPACE.test(char)) return " ";
    // cn_clip lowers, then decomposes; Hugging Face the other way round. For single characters it comes to the same, for each of them.
    let text = doLowerCase ? char.toLowerCase() : char;
    if (stripAccents) text = [...text.normalize("NFD")].filter((part) => !is("mark", part)).join("");
    return tokenizeChineseChars && is("ideograph", char) ? ` ${text} ` : text;
  };
}

// What is dropped before cn_clip lowers, but would be the end of a word to `toLowerCase`; with U+1171E, through which one looked when
// it was still a mark (see character-class.ts).
const hidden = /(?![\t\n\r])[\p{Cc}\p{Cf}\uFFFD\u{1171E}]/gu;

/**
 * Replaces each `Σ` by `ς` where Python's `str.lower()` does, at the end of a word, and by `σ` elsewhere. Lengths stay as they are.
 * Everything that lower-cases to one of the two is one of `Σσς`, so the n-th of the one text is the n-th of the other.
 */
export function resolveFinalSigma(text: string): string {
  const lowered = text.replace(hidden, "\u00AD").toLowerCase().match(/[σς]/g) ?? [];
  let n = 0;
  return text.replace(/[Σσς]/g, () => lowered[n++] as string);
}
