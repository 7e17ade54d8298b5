/**
 * A trie over tokens, and over a vocabulary's pieces for greedy longest-match-first WordPiece, without making substrings. Nodes live in one
 * open-addressed hash table keyed by (parent, code point), and a node's name is its place there: one typed array and no objects, which is
 * quick to build. The hash leaves siblings side by side, which is easy on the processor's cache: ideographs are mostly siblings, in order.
 */

// The names of the two roots, of pieces that begin a word and of pieces that continue one. Other names are multiples of 4, from 4.
/** The root of whole tokens. */
export const START = 1;
const CONTINUATION = 2;

/** Four numbers a node: its parent (0: no node here), its label (a code point), and the id of the token that ends here plus 1, or 0. */
export interface Trie {
  readonly nodes: Int32Array;
  /** The place of a child in `nodes`, or the empty one where it would go; a child's own name is its place plus 4. */
  readonly find: (parent: number, label: number) => number;
}

/**
 * Splits the word `word[0, length)` (code points) into pieces, the longest first, and appends the id of each to `ids` and the index
 * just behind its last code point to `stops`. False, with what was appended left in place, if some part of the word has no piece.
 */
export type MatchPieces = (word: Int32Array, length: number, ids: number[], stops: number[]) => boolean;

/** Builds the trie; a token that begins with `prefix` may continue a word, and any token may begin one. Empty tokens are nowhere. */
export function buildTrie(entries: Iterable<readonly [token: string, id: number]>, prefix = "\0"): Trie {
  let units = 1;
  for (const [token] of entries) units += token.length;
  // A token is stored at most twice, and shares its beginning with others: well under half full.
  const mask = 4 * 2 ** Math.ceil(Math.log2(2 * units)) - 1;
  const nodes = new Int32Array(mask + 1);

  const find = (parent: number, label: number): number => {
    let place = ((Math.imul(parent, 0x9e3779b1) + label) << 2) & mask;
    while (nodes[place] !== 0 && (nodes[place] !== parent || nodes[place + 1] !== label)) place = (place + 4) & mask;
    return place;
  };
  const insert = (root: number, token: string, from: number, id: number): void => {
    let parent = root;
    let place = 0;
    for (let i = from; i < token.length; i++) {
      const label = token.codePointAt(i)!;
      if (label > 0xffff) i++;
      place = find(parent, label);
      nodes[place] = parent;
      nodes[place + 1] = label;
      parent = place + 4;
    }
    nodes[place + 2] = id + 1;
  };
  for (const [token, id] of entries) {
    if (token !== "") insert(START, token, 0, id);
    if (token !== prefix && token.startsWith(prefix)) insert(CONTINUATION, token, prefix.length, id);
  }
  return { nodes, find };
}

/** Builds the function that splits words. */
export function buildMatchPieces(pieces: ReadonlyMap<string, number>, prefix: string): MatchPieces {
  const { nodes, find } = buildTrie(pieces, prefix);
  return (word, length, ids, stops) => {
    let start = 0;
    while (start < length) {
      let parent = start === 0 ? START : CONTINUATION;
      let found = 0;
      let stop = 0;
      for (let i = start; i < length; i++) {
        const place = find(parent, word[i]!);
        if (nodes[place] === 0) break;
        if (nodes[place + 2] !== 0) {
          found = nodes[place + 2]!;
          stop = i + 1;
        }
        parent = place + 4;
      }
      if (found === 0) return false;
      ids.push(found - 1);
      stops.push(stop);
      start = stop;
    }
    return true;
  };
}
