/**
 * One pass over a text: characters to words, words to pieces. Follows `BasicTokenizer` and `WordpieceTokenizer` of cn_clip and BERT,
 * in one loop over UTF-16 units that remembers for each letter of the current word where in the text it came from.
 */
import { ALONE, DROPPED, KIND_BITS, SEVERAL, SPACE, type CharacterTable } from "./normalization.js";
import type { PieceTrie } from "./piece-trie.js";

/** The half-open range of UTF-16 units of the text that a token came from. */
export type Offset = readonly [start: number, end: number];

const KIND_MASK = (1 << KIND_BITS) - 1;

/** The encoder of plain text, without special tokens. Not reentrant, but it never calls out. */
export class WordPiece {
  readonly #table: CharacterTable;
  readonly #trie: PieceTrie;
  readonly #unkId: number;
  readonly #maxChars: number;
  // The current word: its code points, and the start and end of the character of the text each came from. Past `#maxChars` letters only
  // the count goes on, as such a word is unknown whatever it holds.
  readonly #word: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  #length = 0;
  #lastEnd = 0;

  /** Words of more than `maxChars` letters become `unkId`. */
  constructor(table: CharacterTable, trie: PieceTrie, unkId: number, maxChars: number) {
    this.#table = table;
    this.#trie = trie;
    this.#unkId = unkId;
    this.#maxChars = maxChars;
    this.#word = new Int32Array(maxChars);
    this.#starts = new Int32Array(maxChars);
    this.#ends = new Int32Array(maxChars);
  }

  /**
   * Appends the ids of `text[from, to)` to `ids`, and their offsets to `offsets` if given, until the end or until `ids` has grown longer
   * than `limit`. (By how much does not matter to the caller, who cuts it, nor that a part of the text is then not looked at.)
   */
  encode(text: string, from: number, to: number, limit: number, ids: number[], offsets: Offset[] | undefined): void {
    const { entries, expansions } = this.#table;
    this.#length = 0;
    for (let start = from, end = from; start < to && ids.length <= limit; start = end) {
      const codePoint = text.codePointAt(start)!;
      end = codePoint > 0xffff ? start + 2 : start + 1;
      const entry = entries[codePoint]! || this.#table.compute(codePoint);
      const kind = entry & KIND_MASK;
      if (kind === SEVERAL) {
        for (const part of expansions[entry >> KIND_BITS]!) this.#take(part, start, end, ids, offsets);
      } else if (kind === SPACE) {
        if (this.#length > 0) this.#endWord(ids, offsets);
      } else if (kind !== DROPPED) this.#take(entry, start, end, ids, offsets);
    }
    if (this.#length > 0) this.#endWord(ids, offsets);
  }

  /** A letter of the current word, or a word of its own. */
  #take(entry: number, start: number, end: number, ids: number[], offsets: Offset[] | undefined): void {
    if ((entry & KIND_MASK) === ALONE) {
      if (this.#length > 0) this.#endWord(ids, offsets);
      ids.push(entry >> KIND_BITS);
      offsets?.push([start, end]);
      return;
    }
    const n = this.#length++;
    this.#lastEnd = end;
    if (n < this.#maxChars) {
      this.#word[n] = entry >> KIND_BITS;
      this.#starts[n] = start;
      this.#ends[n] = end;
    }
  }

  #endWord(ids: number[], offsets: Offset[] | undefined): void {
    const length = this.#length;
    this.#length = 0;
    const first = ids.length;
    const stops: number[] = [];
    if (length > this.#maxChars || !this.#trie.match(this.#word, length, ids, stops)) {
      ids.length = first;
      ids.push(this.#unkId);
      offsets?.push([this.#starts[0]!, this.#lastEnd]);
      return;
    }
    if (offsets === undefined) return;
    let from = 0;
    for (const stop of stops) {
      offsets.push([this.#starts[from]!, this.#ends[stop - 1]!]);
      from = stop;
    }
  }
}
