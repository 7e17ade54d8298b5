/** Damaged files and hostile texts: a value or the package's own error, in time that grows with the input's length. */
import { describe, expect, test } from "vitest";
import { BertTokenizer, TokenizerError } from "../src/index.js";
import { demoTokenizerJson, demoVocab, readCases } from "./fixtures.js";

/** A small seeded generator (mulberry32), so that a failure repeats. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function mutate(bytes: Uint8Array, random: (below: number) => number): string {
  const copy = Array.from(bytes);
  for (let n = 1 + random(4); n > 0; n--) {
    const at = random(copy.length);
    const kind = random(4);
    if (kind === 0) copy[at] = random(256);
    else if (kind === 1) copy.splice(at, 1 + random(40));
    else if (kind === 2) copy.splice(at, 0, ...copy.slice(random(copy.length)).slice(0, random(40)));
    else copy.splice(at, 0, [0x0a, 0x0d, 0x22, 0x2c, 0x30, 0x7b, 0x5b, 0x00][random(8)] ?? 0);
  }
  return new TextDecoder().decode(Uint8Array.from(copy));
}

function expectOwnError(make: () => BertTokenizer): boolean {
  try {
    make().encode("一张 Red 猫的照片 [SEP]");
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(TokenizerError);
    return false;
  }
}

describe("mutated files", () => {
  test("vocab.txt, 1000 times", () => {
    const random = randomOf(1);
    const bytes = new TextEncoder().encode(demoVocab);
    const good = Array.from({ length: 1000 }, () => expectOwnError(() => BertTokenizer.fromVocab(mutate(bytes, random))));
    expect(new Set(good).size).toBe(2);
  });

  test("tokenizer.json, 1000 times in its bytes", () => {
    const random = randomOf(2);
    const bytes = new TextEncoder().encode(JSON.stringify(demoTokenizerJson()));
    const options = { flavor: "transformers", modelMaxLength: 52 } as const;
    const good = Array.from({ length: 1000 }, () => expectOwnError(() => BertTokenizer.fromTokenizerJson(mutate(bytes, random), options)));
    expect(new Set(good).size).toBe(2);
  });

  test("tokenizer.json, every value replaced by every kind of value", () => {
    const strange: unknown[] = [undefined, null, true, 0, -1, 1.5, 1e30, "", "x", [], [[]], {}, { type: "BPE" }, "[SEP]"];
    const visit = (value: unknown, replaceIn: (replacement: unknown) => unknown): void => {
      for (const replacement of strange)
        expectOwnError(() => BertTokenizer.fromTokenizerJson(replaceIn(replacement), { flavor: "transformers" }));
      if (typeof value !== "object" || value === null) return;
      for (const [key, child] of Object.entries(value).slice(0, 12)) {
        visit(child, (replacement) =>
          replaceIn(
            Array.isArray(value) ? value.map((v: unknown, i) => (String(i) === key ? replacement : v)) : { ...value, [key]: replacement },
          ),
        );
      }
    };
    visit(demoTokenizerJson(), (replacement) => replacement);
  });
});

describe("hostile texts", () => {
  const tokenizers = (["cn_clip", "transformers"] as const).map((flavor) => BertTokenizer.fromVocab(demoVocab, { flavor }));
  const options = { truncation: false, addSpecialTokens: false };

  test("1000 mutated texts give ids of the vocabulary", () => {
    const random = randomOf(3);
    const bytes = new TextEncoder().encode(
      readCases("cases-demo-vocab.jsonl")
        .map(({ text }) => text)
        .join(""),
    );
    for (let i = 0; i < 1000; i++) {
      const from = random(bytes.length - 200);
      const text = mutate(bytes.subarray(from, from + 200), random);
      for (const tokenizer of tokenizers) {
        expect(tokenizer.encode(text, options).ids.filter((id) => tokenizer.idToToken(id) === undefined)).toEqual([]);
      }
    }
  });

  test.each([
    ["one word of a million letters", "a", 1],
    ["a million combining marks", "\u0301", 0],
    ["a million special tokens' beginnings", "[SEP", 2],
    ["a million final sigmas", "Σ", 1],
    ["a million apostrophes after sigma", "Σ'", undefined],
    ["lone surrogates", "\uD83D", undefined],
    ["every special token, over and over", "[SEP]", undefined],
    ["words just under the limit", `${"z".repeat(99)} `, undefined],
  ])("%s", (_, unit, count) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    for (const tokenizer of tokenizers) {
      const { ids } = tokenizer.encode(text, options);
      if (count !== undefined && count < 2) expect(ids).toHaveLength(count);
      expect(tokenizer.encode(text, { maxLength: 52 }).ids.length).toBeLessThanOrEqual(52);
    }
  });

  test("lone surrogates are unknown in cn_clip and dropped in transformers", () => {
    const [cnClip, transformers] = tokenizers as [BertTokenizer, BertTokenizer];
    expect(cnClip.encode("猫\uD83D猫", options).ids).toHaveLength(3);
    expect(cnClip.encode("猫\uD83D猫", options).ids[1]).toBe(cnClip.unkTokenId);
    expect(transformers.encode("猫\uD83D猫", options).ids).toHaveLength(2);
  });
});

test("I12 a vocabulary of a million empty lines is rejected at once", () => {
  expect(() => BertTokenizer.fromVocab(`[PAD]${"\n".repeat(1_000_000)}[UNK]`)).toThrow(
    "vocab.txt: expected at most 262144 lines, got 1000001",
  );
});

test("I11 an id of any depth ends in the tokenizer's own error", () => {
  const deep: unknown = JSON.parse("[".repeat(20_000) + "]".repeat(20_000));
  const { model, ...others } = demoTokenizerJson();
  const json = { ...others, model: { ...model, vocab: { ...model.vocab, "[PAD]": deep } } };
  expect(() => BertTokenizer.fromTokenizerJson(json)).toThrow(TokenizerError);
});

test("a batch that is padded to a number that nobody has memory for is rejected", () => {
  const tokenizer = BertTokenizer.fromVocab(demoVocab);
  expect(() => tokenizer.encodeBatch(["猫"], { padding: "max_length", maxLength: 1e9 })).toThrow(
    new RangeError("encodeBatch: expected a batch of at most 67108864 ids, got 1000000000"),
  );
  expect(tokenizer.encodeBatch(["猫"], { maxLength: 1e9, truncation: true }).inputIds.dims).toEqual([1, 3]);
});

test("a tokenizer.json without a vocabulary does not load with its added tokens alone; a second type is rejected", () => {
  const { model, ...others } = demoTokenizerJson();
  for (const vocab of [null, ["[PAD]", "[UNK]"], "vocab.txt"]) {
    expect(() => BertTokenizer.fromTokenizerJson({ ...others, model: { ...model, vocab } })).toThrow("model.vocab: expected an object");
  }
  const json = structuredClone(demoTokenizerJson()) as unknown as { post_processor: { single: { Sequence?: { type_id: number } }[] } };
  const [, sequence] = json.post_processor.single;
  if (sequence?.Sequence !== undefined) sequence.Sequence.type_id = 1;
  expect(() => BertTokenizer.fromTokenizerJson(json)).toThrow("post_processor.single.1.Sequence.type_id: expected 0, got 1");
});

test.each([undefined, null, 5, {}, new Set(["a"])])("calls without types: %s is no ids, and null no options", (value) => {
  const tokenizer = BertTokenizer.fromVocab(demoVocab);
  expect(() => tokenizer.decode(value as number[])).toThrow("decode: expected an array of ids");
  expect(() => tokenizer.encode("猫", null as unknown as object)).toThrow("encode: expected options to be an object, got null");
  expect(() => tokenizer.encodeBatch(["猫"], null as unknown as object)).toThrow("encodeBatch: expected options to be an object, got null");
});
