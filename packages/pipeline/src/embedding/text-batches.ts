/**
 * Texts to batches for the text tower, with little padding.
 */
import type { TextInputs } from "@chinese-clip/model";
import type { BertTokenizer } from "@chinese-clip/tokenizer";
import { Tensor } from "onnxruntime-common";

/** UTF-16 units that are tokenized before other work gets its turn: a few milliseconds. */
const SLICE_UNITS = 32_768;
/** And texts, since each costs something however short it is. */
const SLICE_TEXTS = 1024;
/** Tokens that go through the tower together at most; larger batches gain nothing on a CPU, and this many are answered in half a second. */
const BATCH_TOKENS = 512;
/**
 * Padded tokens for which another batch is begun. On the CPU they cost little, since only attention computes them (`packed-tokens.ts`): 64 captions of 3 to
 * 16 tokens in q8, one thread's processor time on an AMD EPYC, take 6% less than with 24, and with 400 as much. A browser's GPU computes all of them.
 */
const BATCH_COST_TOKENS = 96;

/** One text's token ids. */
export interface TokenizedText {
  /** `[CLS]` and `[SEP]` included. */
  readonly ids: readonly number[];
  /** Whether something of the text was cut. */
  readonly truncated: boolean;
}

/**
 * Tokenizes texts in slices, between which the caller's event loop runs.
 *
 * @returns one entry for each text, in order.
 * @throws TypeError - a text that is no string.
 */
export async function tokenizeTexts(
  tokenizer: BertTokenizer,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<TokenizedText[]> {
  const tokenized: TokenizedText[] = [];
  let [units, begun] = [0, 0];
  for (const [i, text] of texts.entries()) {
    const { ids, truncated } = tokenizer.encode(text);
    tokenized.push({ ids, truncated });
    units += text.length;
    if ((units < SLICE_UNITS && i - begun < SLICE_TEXTS) || i === texts.length - 1) continue;
    [units, begun] = [0, i];
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
  }
  return tokenized;
}

/**
 * Which texts go together: sorted by length, and a batch ends where it is full, or where padding its rows to the next length would cost
 * more than beginning another batch.
 *
 * @param lengths - of each text, in tokens.
 * @param maxRows - texts of a batch, at most.
 * @returns the numbers of the texts, each once, shorter texts first.
 */
export function batchByLength(lengths: readonly number[], maxRows: number = Number.POSITIVE_INFINITY): number[][] {
  const byLength = lengths.map((length, row) => ({ length, row })).sort((a, b) => a.length - b.length);
  const batches: number[][] = [];
  let batch: number[] = [];
  let [longest, padding] = [0, 0];
  for (const { length, row } of byLength) {
    padding += batch.length * (length - longest);
    const isFull = batch.length === maxRows || (batch.length + 1) * length > BATCH_TOKENS;
    if (batch.length === 0 || padding > BATCH_COST_TOKENS || isFull) {
      batch = [];
      padding = 0;
      batches.push(batch);
    }
    batch.push(row);
    longest = length;
  }
  return batches;
}

/** The text tower's inputs: ids padded to the longest row, and where padding was needed, a mask. */
export function textInputs(rows: readonly TokenizedText[], padTokenId: number): TextInputs {
  const length = rows.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  const dims = [rows.length, length];
  const build = (valueAt: (ids: readonly number[], i: number) => number): Tensor => {
    const data = new BigInt64Array(rows.length * length);
    for (const [row, { ids }] of rows.entries()) for (let i = 0; i < length; i++) data[row * length + i] = BigInt(valueAt(ids, i));
    return new Tensor("int64", data, dims);
  };
  const inputIds = build((ids, i) => ids[i] ?? padTokenId);
  if (rows.every(({ ids }) => ids.length === length)) return { inputIds };
  return { inputIds, attentionMask: build((ids, i) => (i < ids.length ? 1 : 0)) };
}
