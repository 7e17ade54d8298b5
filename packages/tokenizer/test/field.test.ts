/** Files and calls that the field sends: tokenizer files as other programs write them, added tokens, bad values of every size. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AddedToken, BertTokenizer, type Flavor, TokenizerError } from "../src/index.js";
import { demoTokenizerJson, demoVocab, readCases, realVocab, type TokenizerJson } from "./fixtures.js";

const flavors = ["cn_clip", "transformers"] as const;

function fromJson(change: (json: TokenizerJson) => void, flavor: Flavor = "transformers"): BertTokenizer {
  const json = demoTokenizerJson();
  change(json);
  return BertTokenizer.fromTokenizerJson(JSON.stringify(json), { flavor });
}

const bare = (tokenizer: BertTokenizer, text: string): number[] =>
  tokenizer.encode(text, { addSpecialTokens: false, truncation: false }).ids;
const tokensOf = (tokenizer: BertTokenizer, text: string): (string | undefined)[] =>
  bare(tokenizer, text).map((id) => tokenizer.idToToken(id));

/** A tokenizer of "pi", "##ka", "##chu" and these added tokens, with ids from 300 on. */
function pikachu(added: readonly Partial<AddedToken>[], flavor: Flavor = "transformers"): BertTokenizer {
  const lines = [...demoVocab.trimEnd().split("\n"), "pi", "##ka", "##chu"];
  const addedTokens = added.map((token, i) => ({ content: "pikachu", ...token, id: lines.length + i }));
  return BertTokenizer.fromVocab(lines.join("\n"), { flavor, addedTokens });
}

describe("A2 files of transformers 5", () => {
  const cases = readCases("cases-demo-vocab.jsonl");

  test('A2 entries trimmed to "" and "##" match nothing, and other ids stay', () => {
    const lines = [...demoVocab.trimEnd().split("\n"), "\u2028", "##\u2028"];
    for (const flavor of flavors) {
      const whole = BertTokenizer.fromVocab(lines.join("\n"), { flavor });
      const trimmed = fromJson((json) => Object.assign(json.model.vocab, { "": 231, "##": 232 }), flavor);
      expect(trimmed.vocabSize).toBe(233);
      for (const { text } of cases) expect(trimmed.encode(text)).toEqual(whole.encode(text));
      for (const text of ["\u2028", "##", "##\u2028##", "a\u2028##b"]) expect(trimmed.encode(text)).toEqual(whole.encode(text));
      expect(trimmed.decode([231, 232])).toBe("");
    }
  });

  test("A2 the published vocabulary with its two entries trimmed", (context) => {
    if (realVocab === undefined) return context.skip("the vocabulary of Chinese-CLIP is not at hand");
    const tokens = realVocab.trimEnd().split("\n");
    const vocab = Object.fromEntries(tokens.map((token, id) => [token.replace("\u2028", ""), id]));
    for (const flavor of flavors) {
      const whole = BertTokenizer.fromVocab(realVocab, { flavor });
      const trimmed = fromJson((json) => {
        json.model.vocab = vocab;
        json.added_tokens = [];
      }, flavor);
      expect(trimmed.vocabSize).toBe(21128);
      for (const { text } of readCases("cases.jsonl")) expect(trimmed.encode(text)).toEqual(whole.encode(text));
    }
  });

  test("A2 several lines trimmed to the same leave ids without a token", () => {
    const tokenizer = fromJson((json) => Object.assign(json.model.vocab, { "": 233 }));
    expect(tokenizer.vocabSize).toBe(234);
    expect(tokenizer.idToToken(232)).toBe("");
  });

  test("A2 vocab.txt with blank lines, a byte order mark, \\r\\n: the line number stays the id", () => {
    const lines = demoVocab.trimEnd().split("\n");
    const blank = [...lines.slice(0, 50), "", "", ...lines.slice(50)];
    for (const flavor of flavors) {
      const plain = BertTokenizer.fromVocab(demoVocab, { flavor });
      for (const end of ["\n", "\r\n"]) {
        const tokenizer = BertTokenizer.fromVocab(`\uFEFF${blank.join(end)}${end}${end}`, { flavor });
        expect(tokenizer.vocabSize).toBe(233);
        for (const { text } of cases) {
          expect(bare(tokenizer, text)).toEqual(bare(plain, text).map((id) => (id < 50 ? id : id + 2)));
        }
      }
    }
  });

  test("A2 tokenizer.json behind a byte order mark", () => {
    expect(BertTokenizer.fromTokenizerJson(`\uFEFF${JSON.stringify(demoTokenizerJson())}`).vocabSize).toBe(231);
  });
});

describe("A11 added tokens", () => {
  test("A11 added tokens do not take part in WordPiece", () => {
    for (const flavor of flavors) {
      const tokenizer = pikachu([{ normalized: false }], flavor);
      expect(tokensOf(tokenizer, "Pikachu")).toEqual(["pi", "##ka", "##chu"]);
      expect(tokensOf(tokenizer, "pikachu")).toEqual(["pikachu"]);
    }
  });

  test("A11 the default flavour honours added tokens, and takes the special ones of its vocabulary for characters", () => {
    const tokenizer = pikachu([{ content: "<mine>", special: true }, { content: "pikachu" }], "cn_clip");
    expect(tokensOf(tokenizer, "Pikachu<mine>")).toEqual(["pikachu", "<mine>"]);
    expect(bare(tokenizer, "[SEP]")).toEqual(bare(BertTokenizer.fromVocab(demoVocab), "[SEP]"));
    expect(tokenizer.decode(bare(tokenizer, "<mine>pikachu"), { skipSpecialTokens: true })).toBe("pikachu");
  });

  // As tokenizers 0.23 splits them; 9,000 random texts with random tokens were compared with it, ids and offsets.
  test.each<[string, Partial<AddedToken>, string, (string | undefined)[], [number, number][]]>([
    ["normalized finds other spellings", { normalized: true }, "PÍkachu", ["pikachu"], [[0, 7]]],
    [
      "special, so not normalized",
      { special: true },
      "Pikachu",
      ["pi", "##ka", "##chu"],
      [
        [0, 2],
        [2, 4],
        [4, 7],
      ],
    ],
    [
      "within a word",
      { normalized: false },
      "apikachu",
      ["a", "pikachu"],
      [
        [0, 1],
        [1, 8],
      ],
    ],
    [
      "single_word, not within one",
      { normalized: false, singleWord: true },
      "pikachu_",
      ["pi", "##ka", "##chu", "_"],
      [
        [0, 2],
        [2, 4],
        [4, 7],
        [7, 8],
      ],
    ],
    [
      "single_word, beside punctuation",
      { normalized: false, singleWord: true },
      ",pikachu!",
      [",", "pikachu", "!"],
      [
        [0, 1],
        [1, 8],
        [8, 9],
      ],
    ],
    [
      "single_word, beside a letter of two units",
      { normalized: false, singleWord: true },
      "pikachu\u{20000}",
      ["pi", "##ka", "##chu", "[UNK]"],
      [
        [0, 2],
        [2, 4],
        [4, 7],
        [7, 9],
      ],
    ],
    [
      "lstrip",
      { normalized: false, lstrip: true },
      "a \u3000pikachu a",
      ["a", "pikachu", "a"],
      [
        [0, 1],
        [1, 10],
        [11, 12],
      ],
    ],
    [
      "rstrip",
      { normalized: false, rstrip: true },
      "a pikachu \t a",
      ["a", "pikachu", "a"],
      [
        [0, 1],
        [2, 12],
        [12, 13],
      ],
    ],
    [
      "both, over and over",
      { normalized: false, lstrip: true, rstrip: true },
      " pikachu  pikachu ",
      ["pikachu", "pikachu"],
      [
        [0, 10],
        [10, 18],
      ],
    ],
  ])("A11 %s", (_, flags, text, tokens, offsets) => {
    const tokenizer = pikachu([flags]);
    const encoding = tokenizer.encode(text, { addSpecialTokens: false });
    expect(encoding.ids.map((id) => tokenizer.idToToken(id))).toEqual(tokens);
    expect(encoding.offsets).toEqual(offsets);
  });

  test("A11 the longest of several, and an id of the vocabulary", () => {
    const tokenizer = fromJson((json) => {
      const flags = { special: false, single_word: false, lstrip: false, rstrip: false, normalized: false };
      json.added_tokens.push({ id: json.model.vocab["a"], content: "a", ...flags }, { id: 231, content: "ab", ...flags });
    });
    expect(tokensOf(tokenizer, "abac")).toEqual(["ab", "a", "c"]);
  });

  test("A11 any tokens, any text: agrees with a search by position", () => {
    const letter = fc.constantFrom("a", "b", "猫", "\u{1F600}", "<");
    const word = fc.array(letter, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 6 }), fc.array(letter, { maxLength: 20 }), (contents, letters) => {
        const text = letters.join("");
        const lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        const addedTokens = contents.map((content, i) => ({ content, id: 5 + i, normalized: false }));
        const tokenizer = BertTokenizer.fromVocab(lines.join("\n"), { addedTokens });
        const { ids, offsets } = tokenizer.encode(text, { addSpecialTokens: false });
        const got = ids.flatMap((id, i) => (id < 5 ? [] : [[id, offsets[i]?.[0]]]));
        const expected: number[][] = [];
        for (let at = 0; at < text.length;) {
          const longest = contents.filter((content) => text.startsWith(content, at)).sort((a, b) => b.length - a.length)[0];
          if (longest !== undefined) expected.push([5 + contents.indexOf(longest), at]);
          at += longest?.length ?? 1;
        }
        expect(got).toEqual(expected);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe("A12 tokenizer_config.json", () => {
  test("A12 other special tokens take the places of BERT's", () => {
    const tokens = demoVocab.replace("[CLS]", "<s>").replace("[SEP]", "</s>").replace("[PAD]", "<pad>");
    for (const flavor of flavors) {
      const tokenizer = BertTokenizer.fromVocab(tokens, { flavor, clsToken: "<s>", sepToken: "</s>", padToken: "<pad>" });
      expect(tokenizer.encode("猫").ids).toEqual(BertTokenizer.fromVocab(demoVocab, { flavor }).encode("猫").ids);
      expect(tokenizer.decode(tokenizer.encode("猫").ids, { skipSpecialTokens: true })).toBe("猫");
      expect(() => BertTokenizer.fromVocab(tokens, { flavor })).toThrow(/special token \[PAD\]/);
    }
  });
});

describe("A13 tokenizer.json of other writers", () => {
  const expected = fromJson(() => undefined).encode("一张猫");

  test.each<[string, (json: TokenizerJson) => unknown]>([
    ["BertWordPieceTokenizer.save()", (json) => (json.post_processor = { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] })],
    ["no post-processor", (json) => Object.assign(json, { post_processor: null })],
    [
      "no post-processor and no decoder",
      (json) => [Reflect.deleteProperty(json, "post_processor"), Reflect.deleteProperty(json, "decoder")],
    ],
    ["neither padding nor truncation", (json) => Object.assign(json, { padding: null, truncation: null })],
    [
      "sequences of one",
      (json) => {
        json.normalizer = { type: "Sequence", normalizers: [json.normalizer] };
        json.pre_tokenizer = { type: "Sequence", pretokenizers: [json.pre_tokenizer] };
        json.post_processor = { type: "Sequence", processors: [json.post_processor] };
        json.decoder = { type: "Sequence", decoders: [json.decoder] };
      },
    ],
  ])("A13 %s", (_, change) => {
    const tokenizer = fromJson(change);
    expect(tokenizer.encode("一张猫")).toEqual(expected);
    expect(tokenizer.decode(expected.ids)).toBe("[CLS] 一 张 猫 [SEP]");
  });

  test.each<[string, (json: TokenizerJson) => unknown, RegExp]>([
    [
      "BertProcessing",
      (json) => (json.post_processor = { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 5] }),
      /cls\.1: expected 2, got 5/,
    ],
    [
      "a template",
      (json) => Object.assign(json.post_processor, { special_tokens: { "[SEP]": { ids: [7] } } }),
      /special_tokens\.\[SEP\]\.ids\.0: expected 3, got 7/,
    ],
  ])("A13 ids that are not the vocabulary's are rejected by name: %s", (_, change, message) => {
    expect(() => fromJson(change)).toThrow(message);
  });

  test("A13 a sequence of two is rejected by name", () => {
    const make = (): unknown =>
      fromJson((json) => (json.normalizer = { type: "Sequence", normalizers: [json.normalizer, { type: "NFC" }] }));
    expect(make).toThrow(/normalizer\.type: expected "BertNormalizer", got "Sequence"/);
  });
});

describe("C3 calls", () => {
  const tokenizer = BertTokenizer.fromVocab(demoVocab);

  test("C3 encodeBatch without special tokens", () => {
    expect(tokenizer.encodeBatch(["猫", "一张"], { addSpecialTokens: false }).inputIds.dims).toEqual([2, 2]);
    expect(tokenizer.encodeBatch(["猫"], { addSpecialTokens: false, padding: "max_length", maxLength: 1 }).inputIds.dims).toEqual([1, 1]);
    expect(tokenizer.encodeBatch(["猫".repeat(80)], { addSpecialTokens: false }).inputIds.dims).toEqual([1, 52]);
  });

  test("C3 batchDecode of rows and of a batch", () => {
    const { inputIds } = tokenizer.encodeBatch(["猫", "一张"]);
    expect(tokenizer.batchDecode(inputIds, { skipSpecialTokens: true })).toEqual(["猫", "一 张"]);
    expect(tokenizer.batchDecode([tokenizer.encode("猫").ids, []])).toEqual(["[CLS] 猫 [SEP]", ""]);
  });

  test("C3 the vocabulary", () => {
    expect(tokenizer.vocab.get("猫")).toBe(tokenizer.tokenToId("猫"));
    expect(tokenizer.vocab.size).toBe(tokenizer.vocabSize);
  });
});

describe("I11 bad values in messages", () => {
  const deep = (depth: number): unknown => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);

  test.each(["model", "normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens", "padding"])("I11 %s", (key) => {
    for (const value of [deep(100_000), { type: deep(100_000) }, "x".repeat(10_000_000), { type: "\u001B[31m\u202E".repeat(10_000) }]) {
      try {
        BertTokenizer.fromTokenizerJson({ ...demoTokenizerJson(), [key]: value });
      } catch (error) {
        expect(error).toBeInstanceOf(TokenizerError);
        expect((error as Error).message.length).toBeLessThan(600);
        expect((error as Error).message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    }
  });

  test("I11 nested sequences, repeated tokens, wrong options", () => {
    let nested: unknown = demoTokenizerJson().normalizer;
    for (let i = 0; i < 100_000; i++) nested = { type: "Sequence", normalizers: [nested] };
    expect(() => BertTokenizer.fromTokenizerJson({ ...demoTokenizerJson(), normalizer: nested })).toThrow(TokenizerError);
    const long = "\u001B".repeat(100_000);
    expect(() => BertTokenizer.fromVocab(`${long}\n${long}`)).toThrow(
      /^vocab\.txt: line 2: expected a token, got (\\u\{1b\}){60} of line 1 again$/,
    );
    expect(() => BertTokenizer.fromVocab(demoVocab, { flavor: long as Flavor })).toThrow(/got "(\\u\{1b\}){60}"$/);
    expect(() => BertTokenizer.fromVocab(demoVocab, { flavor: deep(100_000) as Flavor })).toThrow(/got an array of 1$/);
  });

  test("I11 the way to show a value is the same in every package that has it", () => {
    const texts = ["tokenizer", "image-processor", "pipeline"].map((name) =>
      readFileSync(new URL(`../../${name}/src/show-value.ts`, import.meta.url), "utf8"),
    );
    expect(new Set(texts).size).toBe(1);
  });
});

describe("I12 sizes", () => {
  test("I12 60 tokens of 1 MB are rejected at once", () => {
    const vocab = Array.from({ length: 60 }, (_, i) => `${i}${"x".repeat(1_000_000)}`).join("\n");
    expect(() => BertTokenizer.fromVocab(`${demoVocab}${vocab}`)).toThrow(/too much text/);
  });

  test("I12 100,000 added tokens", () => {
    const lines = demoVocab.trimEnd().split("\n");
    const addedTokens = Array.from({ length: 100_000 }, (_, i) => ({
      id: lines.length + i,
      content: `<extra_${i}>`,
      normalized: i % 2 === 0,
    }));
    const tokenizer = BertTokenizer.fromVocab(demoVocab, { flavor: "transformers", addedTokens });
    expect(bare(tokenizer, "<extra_99999><EXTRA_7>")[0]).toBe(lines.length + 99_999);
    expect(tokenizer.encode("<extra_".repeat(10_000)).truncated).toBe(false);
  });

  test("I12 a long added token that a text only begins, over and over", () => {
    const tokenizer = BertTokenizer.fromVocab(demoVocab, {
      addedTokens: [{ id: 231, content: `${"a".repeat(255)}b`, normalized: false, rstrip: true, lstrip: true }],
    });
    expect(tokenizer.encode("a".repeat(100_000), { truncation: false }).ids).toHaveLength(3);
  });
});
