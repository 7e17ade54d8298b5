/**
 * A trie over the vocabulary's pieces for greedy longest-match-first WordPiece, without making substrings. Nodes live in one
 * open-addressed hash table keyed by (parent, code point), and a node's name is its slot: three typed arrays, no objects, so that
 * 21,128 entries are built in a few milliseconds.
 */

const START = -1;
const CONTINUATION = -2;

/** Looks words up piece by piece. */
export class PieceTrie {
  readonly #mask: number;
  // One slot per node: 0 in `#parents` is an empty slot, so parents are stored from 3 up (START and CONTINUATION are 2 and 1).
  readonly #parents: Int32Array;
  readonly #labels: Int32Array;
  // The id of the piece that ends at this node, plus 1; 0 where none does.
  readonly #ends: Int32Array;

  /** Builds the trie; a token that begins with `prefix` may continue a word, and any token may begin one. */
  constructor(tokens: readonly string[], prefix: string) {
    // A word never begins with `##`, since `#` is punctuation: such a token need not be stored as a beginning, too.
    const isNeverAStart = prefix === "##";
    let units = 1;
    for (const token of tokens) units += token.length;
    // At most half full, whatever the tokens share.
    const size = 2 ** Math.ceil(Math.log2((isNeverAStart ? 2 : 4) * units));
    this.#mask = size - 1;
    this.#parents = new Int32Array(size);
    this.#labels = new Int32Array(size);
    this.#ends = new Int32Array(size);
    for (let id = 0; id < tokens.length; id++) {
      const token = tokens[id] as string;
      const continues = token.startsWith(prefix) && token.length > prefix.length;
      if (continues) this.#insert(CONTINUATION, token, prefix.length, id);
      if (!continues || !isNeverAStart) this.#insert(START, token, 0, id);
    }
  }

  /** The slot of a child, or of the empty place where it would go. */
  #slot(parent: number, label: number): number {
    const key = parent + 3;
    let slot = Math.imul(Math.imul(key, 0x9e3779b1) ^ label, 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#parents[slot] !== 0 && (this.#parents[slot] !== key || this.#labels[slot] !== label)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #insert(root: number, token: string, from: number, id: number): void {
    let node = root;
    for (let i = from; i < token.length;) {
      const label = token.codePointAt(i) as number;
      i += label > 0xffff ? 2 : 1;
      const slot = this.#slot(node, label);
      this.#parents[slot] = node + 3;
      this.#labels[slot] = label;
      node = slot;
    }
    this.#ends[node] = id + 1;
  }

  /**
   * Splits the word `word[0, length)` (code points) into pieces, the longest first, and appends the id of each to `ids` and the index
   * just behind its last code point to `stops`. False, with what was appended left in place, if some part of the word has no piece.
   */
  match(word: Int32Array, length: number, ids: number[], stops: number[]): boolean {
    let start = 0;
    while (start < length) {
      let node = start === 0 ? START : CONTINUATION;
      let id = 0;
      let stop = 0;
      for (let i = start; i < length; i++) {
        node = this.#slot(node, word[i]!);
        if (this.#parents[node] === 0) break;
        const end = this.#ends[node]!;
        if (end !== 0) {
          id = end;
          stop = i + 1;
        }
      }
      if (id === 0) return false;
      ids.push(id - 1);
      stops.push(stop);
      start = stop;
    }
    return true;
  }
}
