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

/** An entry's low three bits say what a character becomes; the others hold what `Kind` says. 0 is an entry not yet computed. */
export const KIND_BITS = 3;
/** The kinds of entries. */
export const Kind = {
  /** Nothing. */
  dropped: 1,
  /** The end of a word. */
  space: 2,
  /** A word of its own; its id. */
  alone: 3,
  /** One letter of a word; its code point. */
  letter: 4,
  /** Several entries; the index of their list in {@link CharacterTable.expansions}. */
  several: 5,
} as const;

/** The entries of all characters met so far. */
export class CharacterTable {
  /** Lists of `alone` and `letter` entries, for characters that become several. */
  readonly expansions: (readonly number[])[] = [];
  /** Entries of the Basic Multilingual Plane; 0: ask {@link CharacterTable.entry}. */
  readonly basic: Int32Array = new Int32Array(0x10000);
  // 4 MiB of address space, made when the first such character is met, of which an operating system commits what is written to.
  #astral: Int32Array | undefined;
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

  /** The entry of a code point; a lone surrogate counts as one. */
  entry(codePoint: number): number {
    const astral = codePoint > 0xffff;
    const table = astral ? (this.#astral ??= new Int32Array(0x100000)) : this.basic;
    const index = astral ? codePoint - 0x10000 : codePoint;
    return table[index] || (table[index] = this.#compute(codePoint));
  }

  #compute(codePoint: number): number {
    const text = this.normalize(codePoint);
    if (text === " ") return Kind.space;
    const ideograph = text.length > 2 && text.startsWith(" ");
    const entries: number[] = [];
    for (const char of ideograph ? text.slice(1, -1) : text) {
      const c = char.codePointAt(0) as number;
      const alone = ideograph || this.#class.isPunctuation(c, char);
      entries.push(alone ? (this.#idOf(char) << KIND_BITS) | Kind.alone : (c << KIND_BITS) | Kind.letter);
    }
    if (entries.length < 2) return entries[0] ?? Kind.dropped;
    return ((this.expansions.push(entries) - 1) << KIND_BITS) | Kind.several;
  }

  /** What a code point becomes, as text: empty if dropped, one space for white space, an ideograph between two spaces. */
  normalize(codePoint: number): string {
    const { cleanText, tokenizeChineseChars, stripAccents, doLowerCase } = this.#options;
    let text = String.fromCodePoint(codePoint);
    if (cleanText && this.#class.isDropped(codePoint, text)) return "";
    if (WHITE_SPACE.test(text)) return " ";
    // cn_clip lowers, then decomposes; Hugging Face the other way round.
    if (doLowerCase && this.#flavor === "cn_clip") text = text.toLowerCase();
    if (stripAccents) text = this.#stripMarks(text.normalize("NFD"));
    if (doLowerCase && this.#flavor === "transformers") text = text.toLowerCase();
    return tokenizeChineseChars && this.#class.isIdeograph(codePoint) ? ` ${text} ` : text;
  }

  #stripMarks(text: string): string {
    let kept = "";
    for (const char of text) if (!this.#class.isMark(char.codePointAt(0) as number, char)) kept += char;
    return kept;
  }
}

// Dropped before lower-casing, yet seen by `toLowerCase` as the end of a word. Format characters (Cf) are looked through by it anyway.
const hidden = /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\uFFFD]/g;

/**
 * Replaces each `Σ` by `ς` where Python's `str.lower()` does, at the end of a word, and by `σ` elsewhere. Lengths stay as they are.
 * Everything that lower-cases to one of the two is one of `Σσς`, so the n-th of the one text is the n-th of the other.
 */
export function resolveFinalSigma(text: string): string {
  const lowered = text.replace(hidden, "\u00ad").toLowerCase().match(/[σς]/g) ?? [];
  let n = 0;
  return text.replace(/[Σσς]/g, () => lowered[n++] as string);
}
