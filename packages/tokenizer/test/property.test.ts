/** Laws that hold for every text. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BertTokenizer } from "../src/index.js";
import { demoVocab, readCases } from "./fixtures.js";
import { referenceIds } from "./reference.js";

const flavors = ["cn_clip", "transformers"] as const;
const tokenizers = Object.fromEntries(flavors.map((flavor) => [flavor, BertTokenizer.fromVocab(demoVocab, { flavor })])) as Record<
  (typeof flavors)[number],
  BertTokenizer
>;

// What texts are made of: fragments that meet every rule. No character is newer than Unicode 8 (see reference.ts), but for the ones of the goldens.
const fragment = fc.oneof(
  fc.constantFrom(
    "一张",
    "红色",
    "猫",
    "的照片",
    "。",
    "，",
    " ",
    "\u3000",
    "\t",
    "\n",
    "\u2028",
    "\u0085",
    "\v",
    "\u200B",
    "\uFEFF",
    "\0",
    "\uFFFD",
  ),
  fc.constantFrom("[SEP]", "[CLS]", "[UNK]", "[MASK]", "[PAD]", "[sep]", "[", "]", "##", "a", "B", "cat", "Red", "3", "3.14", "don't"),
  fc.constantFrom(
    "é",
    "e\u0301",
    "İ",
    "ß",
    "Σ",
    "ΟΔΟΣ",
    "ΣΑΣ",
    "ς",
    "\u212A",
    "\u037E",
    "≠",
    "한국",
    "ﷺ",
    "\u{1F600}",
    "\u{20000}",
    "\u{2B820}",
    "豈",
  ),
  fc.constantFrom("\uE000", "\uD83D", "\uDE00", "x".repeat(99), "y".repeat(100), "z".repeat(101), "a".repeat(200), "b".repeat(201)),
  fc.stringMatching(/^[ -~]{0,5}$/),
);
const text = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));

describe.each(flavors)("%s", (flavor) => {
  const tokenizer = tokenizers[flavor];

  test("agrees with a slow, obvious implementation", () => {
    fc.assert(
      fc.property(text, (t) => {
        const { ids } = tokenizer.encode(t, { truncation: false, addSpecialTokens: false });
        expect(ids).toEqual(referenceIds(t, demoVocab, flavor));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  test("offsets go forward, lie inside the text and are as many as the ids", () => {
    fc.assert(
      fc.property(text, (t) => {
        const { ids, offsets } = tokenizer.encode(t, { truncation: false, addSpecialTokens: false });
        expect(offsets).toHaveLength(ids.length);
        let lastStart = 0;
        for (const [start, end] of offsets) {
          expect(start).toBeGreaterThanOrEqual(lastStart);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(t.length);
          lastStart = start;
        }
      }),
      { numRuns: 1000, seed: 2 },
    );
  });

  test("a cut is a prefix with [SEP] behind it, and says so", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 20 }), (t, maxLength) => {
        const whole = tokenizer.encode(t, { truncation: false });
        const cut = tokenizer.encode(t, { maxLength });
        expect(cut.truncated).toBe(whole.ids.length > maxLength);
        expect(cut.ids).toEqual(cut.truncated ? [...whole.ids.slice(0, maxLength - 1), tokenizer.sepTokenId] : whole.ids);
        expect(cut.offsets).toEqual(cut.truncated ? [...whole.offsets.slice(0, maxLength - 1), [0, 0]] : whole.offsets);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  test("a row of a batch is the text's ids, padded", () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), fc.constantFrom(undefined, "max_length" as const), (texts, padding) => {
        const options = { padding, truncation: true, maxLength: 24 };
        const { inputIds, attentionMask, tokenTypeIds, truncated } = tokenizer.encodeBatch(texts, options);
        const encodings = texts.map((t) => tokenizer.encode(t, { truncation: true, maxLength: 24 }));
        const length = padding === undefined ? Math.max(0, ...encodings.map(({ ids }) => ids.length)) : 24;
        expect(inputIds.dims).toEqual([texts.length, length]);
        expect(truncated).toEqual(encodings.map((encoding) => encoding.truncated));
        for (const [i, { ids }] of encodings.entries()) {
          const row = (data: BigInt64Array): number[] => Array.from(data.subarray(i * length, (i + 1) * length), Number);
          const rest = Array.from({ length: length - ids.length }, () => tokenizer.padTokenId);
          expect(row(inputIds.data)).toEqual([...ids, ...rest]);
          expect(row(attentionMask.data)).toEqual([...ids.map(() => 1), ...rest.map(() => 0)]);
          expect(row(tokenTypeIds.data).every((value) => value === 0)).toBe(true);
        }
      }),
      { numRuns: 300, seed: 4 },
    );
  });

  test("ideographs of the vocabulary survive encoding and decoding", () => {
    const known = demoVocab.split("\n").filter((token) => /^\p{Script=Han}$/u.test(token));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...known), { maxLength: 40 }), (chars) => {
        const { ids } = tokenizer.encode(chars.join(""), { truncation: false });
        expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(chars.join(" "));
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  test("a text may be encoded in the middle of nothing: earlier texts leave no trace", () => {
    const fresh = BertTokenizer.fromVocab(demoVocab, { flavor });
    for (const golden of readCases("cases-demo-vocab.jsonl").toReversed()) {
      expect(fresh.encode(golden.text)).toEqual(tokenizer.encode(golden.text));
    }
  });
});
