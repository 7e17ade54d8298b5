/**
 * One pass over a text: characters to words, words to pieces. Follows `BasicTokenizer` and `WordpieceTokenizer` of cn_clip and BERT,
 * in one loop over code points that remembers for each letter of the current word where in the text it came from. What a code
 * point becomes is computed once and cached in a table; an ideograph's entry is its id.
 */
import type { CharacterTest } from "./character-class.js";
import type { Normalize } from "./normalization.js";
import type { MatchPieces } from "./piece-trie.js";

/** The half-open range of UTF-16 units of the text that a token came from. */
export type Offset = readonly [start: number, end: number];

/**
 * Appends the ids of `text[from, to)` to `ids`, and their offsets to `offsets` if given, until the end or until `ids` has grown longer
 * than `limit`. (By how much does not matter to the caller, who cuts it, nor that a part of the text is then not looked at.)
 */
export type EncodePlain = (text: string, from: number, to: number, limit: number, ids: number[], offsets: Offset[] | undefined) => void;

// An entry's low three bits say what a code point becomes, the others hold a value. 0 is an entry not yet computed.
const DROPPED = 1;
const SPACE = 2;
/** A word of its own; its id. */
const ALONE = 3;
/** One letter of a word; its code point. */
const LETTER = 4;
/** Several entries of the last two kinds; the index of their list in `expansions`. */
const SEVERAL = 5;

/** Builds the encoder; words of more than `maxChars` letters become `unkId`. Not reentrant, but it never calls out. */
export function buildEncodePlain(
  normalize: Normalize,
  is: CharacterTest,
  vocabulary: ReadonlyMap<string, number>,
  buildMatch: () => MatchPieces,
  unkId: number,
  maxChars: number,
): EncodePlain {
  // For each code point; a lone surrogate counts as one. 4.25 MiB of address space, of which an operating system commits what is written to.
  const entries = new Int32Array(0x110000);
  const expansions: (readonly number[])[] = [];
  // The current word: its code points, and the start and end of the character of the text each came from. Past `maxChars` letters only
  // the count goes on, as such a word is unknown whatever it holds.
  const word = new Int32Array(maxChars);
  const starts = new Int32Array(maxChars);
  const ends = new Int32Array(maxChars);
  // Made for the first word that is no single ideograph or punctuation mark; many texts have none.
  let match: MatchPieces | undefined;
  const stops: number[] = [];
  let length = 0;
  let lastEnd = 0;

  const compute = (codePoint: number): number => {
    const text = normalize(String.fromCodePoint(codePoint));
    if (text === " ") return SPACE;
    const isIdeograph = text.startsWith(" ");
    const parts = [...(isIdeograph ? text.slice(1, -1) : text)].map((char) =>
      isIdeograph || is("punctuation", char)
        ? ((vocabulary.get(char) ?? unkId) << 3) | ALONE
        : ((char.codePointAt(0) as number) << 3) | LETTER,
    );
    return parts.length > 1 ? ((expansions.push(parts) - 1) << 3) | SEVERAL : (parts[0] ?? DROPPED);
  };

  const endWord = (ids: number[], offsets: Offset[] | undefined): void => {
    if (length === 0) return;
    const first = ids.length;
    stops.length = 0;
    if (length > maxChars || !(match ??= buildMatch())(word, length, ids, stops)) {
      ids.length = first;
      ids.push(unkId);
      offsets?.push([starts[0]!, lastEnd]);
    } else if (offsets !== undefined) {
      let from = 0;
      for (const stop of stops) {
        offsets.push([starts[from]!, ends[stop - 1]!]);
        from = stop;
      }
    }
    length = 0;
  };

  /** A letter of the current word, or a word of its own. */
  const take = (entry: number, start: number, end: number, ids: number[], offsets: Offset[] | undefined): void => {
    if ((entry & 7) === ALONE) {
      endWord(ids, offsets);
      ids.push(entry >> 3);
      offsets?.push([start, end]);
      return;
    }
    if (length < maxChars) {
      word[length] = entry >> 3;
      starts[length] = start;
      ends[length] = end;
    }
    length++;
    lastEnd = end;
  };

  return (text, from, to, limit, ids, offsets) => {
    for (let start = from, end = from; start < to && ids.length <= limit; start = end) {
      const codePoint = text.codePointAt(start)!;
      end += codePoint > 0xffff ? 2 : 1;
      const entry = entries[codePoint]! || (entries[codePoint] = compute(codePoint));
      const kind = entry & 7;
      if (kind === SPACE) endWord(ids, offsets);
      else if (kind === SEVERAL) for (const part of expansions[entry >> 3]!) take(part, start, end, ids, offsets);
      else if (kind !== DROPPED) take(entry, start, end, ids, offsets);
    }
    endWord(ids, offsets);
  };
}
