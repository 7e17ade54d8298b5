/** Defaults, options and rejections of the public surface. */
import { describe, expect, test } from "vitest";
import { BertTokenizer, preprocessEvalText, TokenizerError, type Flavor, type TokenizerErrorCode } from "../src/index.js";
import { demoTokenizerJson, demoVocab, realVocab, type TokenizerJson } from "./fixtures.js";

const cnClip = BertTokenizer.fromVocab(demoVocab);
const transformers = BertTokenizer.fromVocab(demoVocab, { flavor: "transformers" });

const long = "猫".repeat(80);

function rejection(make: () => unknown): TokenizerError {
  try {
    make();
  } catch (error) {
    if (error instanceof TokenizerError) return error;
    throw error;
  }
  throw new Error("nothing was rejected");
}

describe("the vocabulary", () => {
  test("ids, tokens and special tokens", () => {
    expect(cnClip.flavor).toBe("cn_clip");
    expect(transformers.flavor).toBe("transformers");
    expect(cnClip.vocabSize).toBe(231);
    expect([cnClip.padTokenId, cnClip.unkTokenId, cnClip.clsTokenId, cnClip.sepTokenId, cnClip.maskTokenId]).toEqual([0, 1, 2, 3, 4]);
    expect(cnClip.tokenToId("[MASK]")).toBe(4);
    expect(cnClip.idToToken(5)).toBe("!");
    expect(cnClip.tokenToId("no such token")).toBeUndefined();
    expect(cnClip.idToToken(231)).toBeUndefined();
  });

  test("Chinese-CLIP's own keeps its tokens of U+2028", (context) => {
    if (realVocab === undefined) return context.skip("the vocabulary of Chinese-CLIP is not at hand");
    const tokenizer = BertTokenizer.fromVocab(realVocab);
    expect(tokenizer.vocabSize).toBe(21128);
    expect(tokenizer.idToToken(343)).toBe("\u2028");
    expect(tokenizer.idToToken(13502)).toBe("##\u2028");
    expect(tokenizer.encode("杰尼龟").ids).toEqual([101, 3345, 2225, 7991, 102]);
    expect(tokenizer.encode("“").ids).toEqual([101, 100, 102]);
    expect(tokenizer.encode(preprocessEvalText("“ABC”")).ids).toEqual(tokenizer.encode('"abc"').ids);
  });

  test("line ends: with or without the last, \\n or \\r\\n", () => {
    const text = "一张 red 猫";
    const expected = cnClip.encode(text);
    const lines = demoVocab.trimEnd();
    for (const vocab of [
      lines,
      `${lines}\n`,
      lines.replaceAll("\n", "\r\n"),
      `${lines.replaceAll("\n", "\r\n")}\r\n`,
      lines.replace("\n", "\r\n"),
    ]) {
      expect(BertTokenizer.fromVocab(vocab).encode(text)).toEqual(expected);
    }
  });

  test.each<[string, string, TokenizerErrorCode, number | undefined]>([
    ["an empty text", "", "malformed_line", 1],
    ["a repeated token", demoVocab.replace("\n#\n", "\n!\n"), "duplicate_token", 8],
    ["a missing [SEP]", demoVocab.replace("[SEP]", "[sep]"), "missing_token", undefined],
    ["a limit's worth of text and more", `${demoVocab}${"x".repeat(2 ** 22)}`, "invalid_id", undefined],
  ])("%s is rejected", (_, vocab, code, line) => {
    const error = rejection(() => BertTokenizer.fromVocab(vocab));
    expect(error).toMatchObject({ name: "TokenizerError", code });
    expect(error.details.line).toBe(line);
    expect(error.message).toMatch(/expected .+, got .+/);
  });
});

describe("encode", () => {
  test("cn_clip cuts at 52, transformers does not, and a cut text says so", () => {
    expect(cnClip.encode(long).ids).toHaveLength(52);
    expect(cnClip.encode(long).ids.at(-1)).toBe(cnClip.sepTokenId);
    expect(cnClip.encode(long).truncated).toBe(true);
    expect(cnClip.encode("猫".repeat(50)).truncated).toBe(false);
    expect(cnClip.encode(long, { truncation: false }).ids).toHaveLength(82);
    expect(transformers.encode(long)).toMatchObject({ truncated: false });
    expect(transformers.encode(long).ids).toHaveLength(82);
    expect(transformers.encode(long, { maxLength: 10 }).ids).toHaveLength(10);
    expect(transformers.encode(long, { maxLength: 10, truncation: false }).ids).toHaveLength(82);
  });

  test("truncation in transformers needs a length: from the call or from modelMaxLength", () => {
    expect(() => transformers.encode("猫", { truncation: true })).toThrow(/encode: expected a maxLength \(or modelMaxLength\)/);
    const limited = BertTokenizer.fromVocab(demoVocab, { flavor: "transformers", modelMaxLength: 16 });
    expect(limited.encode(long, { truncation: true }).ids).toHaveLength(16);
    const unlimited = BertTokenizer.fromVocab(demoVocab, { flavor: "transformers", modelMaxLength: 1e30 });
    expect(unlimited.modelMaxLength).toBeUndefined();
    expect(() => unlimited.encode("猫", { truncation: true })).toThrow(RangeError);
    expect(BertTokenizer.fromVocab(demoVocab, { modelMaxLength: 8 }).encode(long).ids).toHaveLength(8);
  });

  test("without special tokens", () => {
    const bare = cnClip.encode("猫", { addSpecialTokens: false });
    expect(bare).toEqual({ ids: [cnClip.tokenToId("猫")], offsets: [[0, 1]], truncated: false });
    expect(cnClip.encode(long, { addSpecialTokens: false, maxLength: 1 }).ids).toHaveLength(1);
    expect(cnClip.encode("", { addSpecialTokens: false }).ids).toEqual([]);
  });

  test("special tokens in a text: ids in transformers, letters in cn_clip", () => {
    expect(transformers.encode("猫[SEP]猫").ids[2]).toBe(transformers.sepTokenId);
    expect(transformers.encode("猫[SEP]猫").offsets[2]).toEqual([1, 6]);
    expect(cnClip.encode("猫[SEP]猫").ids.slice(1, -1)).not.toContain(cnClip.sepTokenId);
  });

  test("offsets lead back to the text, in UTF-16 units", () => {
    const text = "\u{1F600} Café 猫";
    const { offsets } = cnClip.encode(text, { addSpecialTokens: false });
    expect(offsets.at(-1)).toEqual([8, 9]);
    expect(text.slice(...(offsets[0] ?? [0, 0]))).toBe("\u{1F600}");
  });

  test("the switches", () => {
    const ids = (options: object): number[] => BertTokenizer.fromVocab(demoVocab, options).encode("A", { addSpecialTokens: false }).ids;
    expect(ids({})).toEqual([cnClip.tokenToId("a")]);
    expect(ids({ doLowerCase: false })).toEqual([cnClip.tokenToId("A") ?? cnClip.unkTokenId]);
    const marked = (options: object): number[] => BertTokenizer.fromVocab(demoVocab, options).encode("á", { addSpecialTokens: false }).ids;
    expect(marked({})).toEqual([cnClip.tokenToId("a")]);
    expect(marked({ stripAccents: null })).toEqual([cnClip.tokenToId("a")]);
    expect(marked({ stripAccents: false })).toEqual([cnClip.unkTokenId]);
    expect(marked({ doLowerCase: false })).toEqual([cnClip.unkTokenId]);
    const joined = BertTokenizer.fromVocab(demoVocab, { tokenizeChineseChars: false }).encode("猫猫", { addSpecialTokens: false });
    expect(joined.ids).toEqual([cnClip.unkTokenId]);
  });

  test("wrong arguments", () => {
    expect(() => cnClip.encode(5 as unknown as string)).toThrow(new TypeError("encode: expected a string, got number"));
    expect(() => BertTokenizer.fromVocab(new Uint8Array() as unknown as string)).toThrow(TypeError);
    expect(() => BertTokenizer.fromVocab(demoVocab, { flavor: "bert" as Flavor })).toThrow(RangeError);
    for (const maxLength of [1, 0, -1, 2.5, Number.NaN]) expect(() => cnClip.encode("猫", { maxLength })).toThrow(RangeError);
  });
});

describe("encodeBatch", () => {
  test("pads to the longest row by default, to maxLength if asked", () => {
    const { inputIds, attentionMask } = cnClip.encodeBatch(["猫", "一张猫"]);
    expect(inputIds.type).toBe("int64");
    expect(inputIds.dims).toEqual([2, 5]);
    expect(Array.from(attentionMask.data)).toEqual([1n, 1n, 1n, 0n, 0n, 1n, 1n, 1n, 1n, 1n]);
    expect(cnClip.encodeBatch(["猫"], { padding: "max_length" }).inputIds.dims).toEqual([1, 52]);
    expect(transformers.encodeBatch(["猫"], { padding: "max_length", maxLength: 7 }).inputIds.dims).toEqual([1, 7]);
    expect(cnClip.encodeBatch([]).inputIds.dims).toEqual([0, 0]);
    expect(cnClip.encodeBatch([long, "猫"]).truncated).toEqual([true, false]);
  });

  test("maxLength cuts where transformers would", () => {
    expect(transformers.encodeBatch([long], { maxLength: 9 }).inputIds.dims).toEqual([1, 9]);
    expect(transformers.encodeBatch([long], { maxLength: 9, padding: true }).inputIds.dims).toEqual([1, 82]);
    expect(transformers.encodeBatch([long], { maxLength: 9, padding: true, truncation: true }).inputIds.dims).toEqual([1, 9]);
  });

  test("rejects what makes no tensor", () => {
    expect(() => cnClip.encodeBatch(["猫", "一张猫"], { padding: false })).toThrow(RangeError);
    expect(cnClip.encodeBatch(["猫", "一"], { padding: false }).inputIds.dims).toEqual([2, 3]);
    expect(() => transformers.encodeBatch([long], { padding: "max_length", maxLength: 9 })).toThrow(/rows of 9 ids/);
    expect(() => transformers.encodeBatch(["猫"], { padding: "max_length" })).toThrow(RangeError);
    expect(() => cnClip.encodeBatch(["猫"], { padding: "all" as "longest" })).toThrow(RangeError);
    expect(() => cnClip.encodeBatch("猫" as unknown as string[])).toThrow(TypeError);
    expect(() => cnClip.encodeBatch([undefined as unknown as string])).toThrow(TypeError);
  });
});

describe("decode", () => {
  const ids = (tokens: string[]): number[] => tokens.map((token) => cnClip.tokenToId(token) ?? Number.NaN);

  test("joins pieces and leaves out the space before punctuation, as transformers does", () => {
    expect(cnClip.decode(ids(["[CLS]", "猫", ",", "a", "[SEP]", "[PAD]"]))).toBe("[CLS] 猫, a [SEP] [PAD]");
    expect(cnClip.decode(ids(["[CLS]", "猫", "!", "[SEP]", "[PAD]"]), { skipSpecialTokens: true })).toBe("猫!");
    expect(cnClip.decode([])).toBe("");
  });

  test("takes a row of a tensor, skips ids beyond the vocabulary, rejects what is no id", () => {
    const { inputIds } = cnClip.encodeBatch(["猫"]);
    expect(cnClip.decode(inputIds.data, { skipSpecialTokens: true })).toBe("猫");
    expect(cnClip.decode([9999, ...ids(["猫"])])).toBe("猫");
    for (const id of [-1, 0.5, Number.NaN]) expect(() => cnClip.decode([id])).toThrow(RangeError);
  });
});

describe("tokenizer.json", () => {
  const make = (change: (json: TokenizerJson) => void, flavor: Flavor = "transformers"): BertTokenizer => {
    const json = demoTokenizerJson();
    change(json);
    return BertTokenizer.fromTokenizerJson(JSON.stringify(json), { flavor });
  };
  const bare = (tokenizer: BertTokenizer, text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false }).ids;

  test("its normaliser, limit, prefix and unknown token count", () => {
    expect(
      bare(
        make((json) => (json.normalizer["lowercase"] = false)),
        "A",
      ),
    ).toEqual([cnClip.tokenToId("A") ?? 1]);
    expect(
      bare(
        make((json) => (json.normalizer["handle_chinese_chars"] = false)),
        "猫猫",
      ),
    ).toEqual([1]);
    expect(
      bare(
        make((json) => (json.normalizer["clean_text"] = false)),
        "\0",
      ),
    ).toEqual([1]);
    expect(
      bare(
        make((json) => (json.normalizer["strip_accents"] = false)),
        "é",
      ),
    ).toEqual([1]);
    expect(
      bare(
        make((json) => (json.model["max_input_chars_per_word"] = 1)),
        "ab",
      ),
    ).toEqual([1]);
    expect(
      bare(
        make((json) => (json.model["max_input_chars_per_word"] = 1), "cn_clip"),
        "ab",
      ),
    ).toEqual(bare(cnClip, "ab"));
    expect(make((json) => (json.model["unk_token"] = "[MASK]")).unkTokenId).toBe(4);
    expect(make((json) => (json.padding["pad_token"] = "[UNK]")).padTokenId).toBe(1);
    const swapped = make((json) => (json.post_processor["single"] = (json.post_processor["single"] as unknown[]).toReversed()));
    expect([swapped.clsTokenId, swapped.sepTokenId]).toEqual([3, 2]);
    expect(make((json) => (json.decoder["cleanup"] = false)).decode(cnClip.encode("猫,", { addSpecialTokens: false }).ids)).toBe("猫 ,");
  });

  test("options go before it", () => {
    const tokenizer = BertTokenizer.fromTokenizerJson(demoTokenizerJson(), { flavor: "transformers", tokenizeChineseChars: false });
    expect(bare(tokenizer, "猫猫")).toEqual([1]);
  });

  test("added tokens: as they stand, or in the normalised text; the longest of several", () => {
    const flags = { special: false, single_word: false, lstrip: false, rstrip: false };
    const tokenizer = make((json) => {
      json.added_tokens.push({ id: 231, content: "<Raw>", normalized: false, ...flags });
      json.added_tokens.push({ id: 232, content: "新猫", normalized: true, ...flags });
      json.added_tokens.push({ id: 233, content: "<Raw", normalized: false, ...flags });
      json.added_tokens.push({ id: 234, content: "É+", normalized: true, ...flags });
    });
    expect(tokenizer.vocabSize).toBe(235);
    expect(tokenizer.encode("猫<Raw>新猫", { addSpecialTokens: false })).toEqual({
      ids: [tokenizer.tokenToId("猫"), 231, 232],
      offsets: [
        [0, 1],
        [1, 6],
        [6, 8],
      ],
      truncated: false,
    });
    expect(bare(tokenizer, "<raw>")).not.toContain(231);
    expect(bare(tokenizer, "<Raw ")).toEqual([233]);
    expect(bare(tokenizer, "e\u0301+")).toEqual([234]);
    expect(tokenizer.encode("e\u0301+").offsets[1]).toEqual([0, 3]);
    expect(tokenizer.decode([231], { skipSpecialTokens: true })).toBe("<Raw>");
    expect(
      bare(
        make(() => undefined, "cn_clip"),
        "[SEP]",
      ),
    ).toEqual(bare(cnClip, "[SEP]"));
  });

  test.each<[string, (json: TokenizerJson) => unknown, TokenizerErrorCode, string]>([
    ["another model", (json) => (json.model["type"] = "BPE"), "unsupported", "model.type"],
    ["no model", (json) => Reflect.deleteProperty(json, "model"), "invalid_field", "model.vocab"],
    ["no vocabulary", (json) => Reflect.deleteProperty(json.model, "vocab"), "invalid_field", "model.vocab"],
    ["another normaliser", (json) => (json.normalizer["type"] = "Lowercase"), "unsupported", "normalizer.type"],
    ["no normaliser", (json) => (json["normalizer"] = null as unknown as TokenizerJson["normalizer"]), "unsupported", "normalizer.type"],
    ["another pre-tokenizer", (json) => (json.pre_tokenizer["type"] = "Whitespace"), "unsupported", "pre_tokenizer.type"],
    ["another decoder", (json) => (json.decoder["type"] = "BPEDecoder"), "unsupported", "decoder.type"],
    ["another post-processor", (json) => (json.post_processor["type"] = "RobertaProcessing"), "unsupported", "post_processor.type"],
    ["another template", (json) => (json.post_processor["single"] as unknown[]).pop(), "unsupported", "post_processor.single.length"],
    ["truncation on the left", (json) => (json.truncation["direction"] = "Left"), "unsupported", "truncation.direction"],
    ["padding on the left", (json) => (json.padding["direction"] = "Left"), "unsupported", "padding.direction"],
    ["an id that is no integer", (json) => (json.model.vocab["!"] = 5.5), "invalid_id", "model.vocab"],
    ["an id twice", (json) => (json.model.vocab["!"] = 6), "invalid_id", "model.vocab"],
    ["a hole", (json) => Reflect.deleteProperty(json.model.vocab, "!"), "invalid_id", "model.vocab"],
    ["an id far out", (json) => (json.model.vocab["!"] = 2 ** 40), "invalid_id", "model.vocab"],
    ["a limit of 0", (json) => (json.model["max_input_chars_per_word"] = 0), "invalid_field", "model.max_input_chars_per_word"],
    [
      "a limit that no word reaches",
      (json) => (json.model["max_input_chars_per_word"] = 1e9),
      "invalid_field",
      "model.max_input_chars_per_word",
    ],
    ["added tokens that are none", (json) => (json["added_tokens"] = {} as unknown as []), "invalid_field", "added_tokens"],
    ["a lowercase that is no boolean", (json) => (json.normalizer["lowercase"] = "yes"), "invalid_field", "normalizer.lowercase"],
    ["an added token without an end", (json) => ((json.added_tokens[0] ?? {})["content"] = "x".repeat(257)), "invalid_id", "added_tokens"],
    ["a flag that is no boolean", (json) => ((json.added_tokens[0] ?? {})["lstrip"] = 1), "invalid_field", "added_tokens.0.lstrip"],
    ["an added token in conflict", (json) => ((json.added_tokens[0] ?? {})["id"] = 9), "invalid_id", "model.vocab"],
    ["a missing special token", (json) => (json.model["unk_token"] = "<unk>"), "missing_token", "vocabulary"],
  ])("%s is rejected", (_, change, code, where) => {
    const error = rejection(() => make(change));
    expect(error.code).toBe(code);
    expect(error.details.where).toContain(where);
    expect(error.message).toMatch(/expected .+, got .+/);
  });

  test("no JSON is rejected, with the parser's words and its error as the cause", () => {
    const error = rejection(() => BertTokenizer.fromTokenizerJson('{"model":'));
    expect(error.code).toBe("invalid_json");
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });
});

test("preprocessEvalText lowers and makes curly double quotes straight", () => {
  expect(preprocessEvalText("“Red” ‘CAT’ ΟΔΟΣ")).toBe('"red" ‘cat’ οδος');
});

test("types", () => {
  // @ts-expect-error the constructor is private
  expect(() => new BertTokenizer({}, {})).toThrow();
  // @ts-expect-error no such flavour
  expect(() => BertTokenizer.fromVocab(demoVocab, { flavor: "bert" })).toThrow();
  // @ts-expect-error ids are read-only to the type, and fields of the tokenizer are, too
  const write = (): void => void (cnClip.padTokenId = 1);
  expect(write).toBeTypeOf("function");
});
