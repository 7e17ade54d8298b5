/**
 * What becomes of each character before the words are looked up: dropped, white space, a word of its own, or letters of a word.
 * Both references transform the text in whole passes (clean, space out ideographs, lower, decompose, drop marks, split at
 * punctuation); every pass but one looks at single characters, so here the answer is computed once per distinct code point
 * and kept in a table. The one exception, Greek final sigma, is resolved beforehand by {@link resolveFinalSigma}. Canonical reordering of
 * combining marks is left out: the marks it moves are dropped, but for a few spacing ones that no vocabulary of this model holds.
 */
import { buildCharacterClass, WHITE_SPACE, type CharacterClass, type Flavor } from "./character-class.js";

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

/** An entry's low three bits say what a character becomes, the others hold a value. 0 is an entry not yet computed. */
export const KIND_BITS = 3;
/** Kind of an entry: nothing is left. */
export const DROPPED = 1;
/** Kind of an entry: the end of a word. */
export const SPACE = 2;
/** Kind of an entry: a word of its own; its id. */
export const ALONE = 3;
/** Kind of an entry: one letter of a word; its code point. */
export const LETTER = 4;
/** Kind of an entry: several entries; the index of their list in {@link CharacterTable.expansions}. */
export const SEVERAL = 5;

/** The entries of all characters met so far. */
export class CharacterTable {
  /** Lists of `alone` and `letter` entries, for characters that become several. */
  readonly expansions: (readonly number[])[] = [];
  /**
   * The entry of each code point (a lone surrogate counts as one); 0: ask {@link CharacterTable.compute}. 4.25 MiB of address
   * space, of which an operating system commits only the pages that are written to.
   */
  readonly entries: Int32Array = new Int32Array(0x110000);
  readonly #class: CharacterClass;
  readonly #flavor: Flavor;
  readonly #options: NormalizationOptions;
  readonly #idOf: (char: string) => number;

  /** `idOf` gives the id of a one-character word (the unknown token's if it has none). */
  constructor(flavor: Flavor, options: NormalizationOptions, idOf: (char: string) => number) {
    this.#class = buildCharacterClass(flavor);
    this.#flavor = flavor;
    this.#options = options;
    this.#idOf = idOf;
  }

  /** Computes and keeps the entry of a code point. */
  compute(codePoint: number): number {
    const text = this.normalize(String.fromCodePoint(codePoint));
    const ideograph = text.length > 2 && text.startsWith(" ");
    const entries: number[] = [];
    for (const char of ideograph ? text.slice(1, -1) : text) {
      const alone = ideograph || this.#class.isPunctuation(char);
      const value = alone ? this.#idOf(char) : (char.codePointAt(0) as number);
      entries.push((value << KIND_BITS) | (alone ? ALONE : LETTER));
    }
    const [only = DROPPED, ...others] = entries;
    const entry = others.length === 0 ? only : ((this.expansions.push(entries) - 1) << KIND_BITS) | SEVERAL;
    return (this.entries[codePoint] = text === " " ? SPACE : entry);
  }

  /** What a character (a code point as a string) becomes, as text: empty if dropped, one space for white space, an ideograph between two spaces. */
  normalize(char: string): string {
    const { cleanText, tokenizeChineseChars, stripAccents, doLowerCase } = this.#options;
    if (cleanText && this.#class.isDropped(char)) return "";
    if (WHITE_SPACE.test(char)) return " ";
    let text = char;
    // cn_clip lowers, then decomposes; Hugging Face the other way round.
    if (doLowerCase && this.#flavor === "cn_clip") text = text.toLowerCase();
    if (stripAccents) text = [...text.normalize("NFD")].filter((part) => !this.#class.isMark(part)).join("");
    if (doLowerCase && this.#flavor === "transformers") text = text.toLowerCase();
    return tokenizeChineseChars && this.#class.isIdeograph(char) ? ` ${text} ` : text;
  }
}

// Dropped before lower-casing, yet seen by `toLowerCase` as the end of a word. Format characters (Cf) are looked through by it anyway, and so was U+1171E,
// a mark then (see character-class.ts).
const hidden = /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\uFFFD\u{1171e}]/gu;

/**
 * Replaces each `Σ` by `ς` where Python's `str.lower()` does, at the end of a word, and by `σ` elsewhere. Lengths stay as they are.
 * Everything that lower-cases to one of the two is one of `Σσς`, so the n-th of the one text is the n-th of the other.
 */
export function resolveFinalSigma(text: string): string {
  const lowered = text.replace(hidden, "\u00ad").toLowerCase().match(/[σς]/g) ?? [];
  let n = 0;
  return text.replace(/[Σσς]/g, () => lowered[n++] as string);
}
