/** Every golden line, in both flavours: ids, and for `transformers` the offsets. */
import { describe, expect, test } from "vitest";
import { BertTokenizer, type Offset } from "../src/index.js";
import { demoTokenizerJson, demoVocab, readCases, realVocab } from "./fixtures.js";

/** Offsets in UTF-16 units as offsets in code points. */
function inCodePoints(text: string, offsets: readonly Offset[]): number[][] {
  const before: number[] = [0];
  for (const char of text) {
    const count = (before[before.length - 1] ?? 0) + 1;
    if (char.length === 2) before.push(Number.NaN);
    before.push(count);
  }
  return offsets.map((pair) => pair.map((unit) => before[unit] ?? Number.NaN));
}

function check(vocab: string, file: string): void {
  const cnClip = BertTokenizer.fromVocab(vocab);
  const transformers = BertTokenizer.fromVocab(vocab, { flavor: "transformers" });
  const cases = readCases(file);
  expect(cases.length).toBeGreaterThan(400);
  for (const { text, cn_clip, hf, offsets } of cases) {
    expect(cnClip.encode(text).ids, JSON.stringify(text)).toEqual(cn_clip);
    const encoding = transformers.encode(text);
    expect(encoding.ids, JSON.stringify(text)).toEqual(hf);
    expect(inCodePoints(text, encoding.offsets), JSON.stringify(text)).toEqual(offsets);
  }
}

describe("golden", () => {
  test("the demo checkpoint's vocabulary", () => check(demoVocab, "cases-demo-vocab.jsonl"));

  test("Chinese-CLIP's vocabulary", (context) => {
    if (realVocab === undefined) context.skip("the vocabulary of Chinese-CLIP is not at hand; CHINESE_CLIP_VOCAB may name it");
    else check(realVocab, "cases.jsonl");
  });

  test("a tokenizer.json gives the same ids as its vocab.txt, in both flavours", () => {
    for (const flavor of ["cn_clip", "transformers"] as const) {
      const fromVocab = BertTokenizer.fromVocab(demoVocab, { flavor });
      const fromJson = BertTokenizer.fromTokenizerJson(demoTokenizerJson(), { flavor });
      for (const { text } of readCases("cases-demo-vocab.jsonl")) expect(fromJson.encode(text)).toEqual(fromVocab.encode(text));
    }
  });
});
