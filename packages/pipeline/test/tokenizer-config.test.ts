/** What a model's tokenizer files say beside the vocabulary is honoured or rejected, never ignored. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ChineseCLIPProcessor, loadFrom, loadProcessorParts, type PretrainedOptions } from "../src/index.js";
import { fakePlatform } from "./fake-platform.js";

const vocab = readFileSync(new URL("../../../fixtures/tiny-vit/vocab.txt", import.meta.url), "utf8");
const size = vocab.trimEnd().split("\n").length;

const load = (changes: Readonly<Record<string, string | undefined>>, options: PretrainedOptions = {}): Promise<ChineseCLIPProcessor> =>
  loadFrom(fakePlatform(changes), "fake", options, async (files) => new ChineseCLIPProcessor(await loadProcessorParts(files, options)));
const configured = (config: object, options?: PretrainedOptions): Promise<ChineseCLIPProcessor> =>
  load({ "tokenizer_config.json": JSON.stringify(config) }, options);

describe("A12 tokenizer_config.json", () => {
  it.each([
    [{ padding_side: "left" }, /tokenizer_config\.json: expected padding_side to be "right".*, got "left"/],
    [{ truncation_side: "left" }, /expected truncation_side to be "right"/],
    [{ do_basic_tokenize: false }, /expected do_basic_tokenize to be true/],
    [{ never_split: ["a"] }, /expected never_split to be empty, got an array of 1/],
    [{ cls_token: 5 }, /expected cls_token to be a token, got 5/],
    [{ cls_token: "<s>" }, /special token <s>/],
    [{ do_lower_case: "no" }, /expected do_lower_case to be true or false/],
    [{ additional_special_tokens: ["<nowhere>"] }, /expected additional_special_tokens that are in the vocabulary/],
    [{ added_tokens_decoder: [] }, /expected added_tokens_decoder to be an object/],
    [{ added_tokens_decoder: { 5: "x" } }, /expected added_tokens_decoder to hold an object for "5"/],
  ])("A12 %j is rejected by name", async (config, message) => {
    await expect(configured(config)).rejects.toThrow(message);
  });

  it("A12 split_special_tokens is what cn_clip does, and rejected in transformers", async () => {
    await expect(configured({ split_special_tokens: true })).resolves.toBeDefined();
    await expect(configured({ split_special_tokens: true }, { flavor: "transformers" })).rejects.toThrow(
      /split_special_tokens to be false/,
    );
  });

  it("A12 other special tokens, as text or as an object", async () => {
    const { tokenizer } = await configured({
      cls_token: "[MASK]",
      sep_token: { __type: "AddedToken", content: "[UNK]" },
      mask_token: null,
    });
    const { ids } = tokenizer.encode("");
    expect(ids).toEqual([tokenizer.maskTokenId, tokenizer.unkTokenId]);
  });

  it.each([
    ["without added_tokens_decoder its tokens count", {}, ["maskTokenId", "unkTokenId"]],
    ["with one they do not, as in transformers", { added_tokens_decoder: {} }, ["clsTokenId", "sepTokenId"]],
  ] as const)("A12 special_tokens_map.json: %s", async (_, config, [first, last]) => {
    const { tokenizer } = await load({
      "tokenizer_config.json": JSON.stringify({ cls_token: "[CLS]", ...config }),
      "special_tokens_map.json": JSON.stringify({ cls_token: "[MASK]", sep_token: { content: "[UNK]", lstrip: false } }),
    });
    expect(tokenizer.encode("").ids).toEqual([tokenizer[first], tokenizer[last]]);
  });

  it.each([
    ['{"cls_token": "<s>"}', /special token <s>/],
    ["[]", /special_tokens_map\.json: expected an object, got an array of 0/],
    ["{", /special_tokens_map\.json/],
    ['{"additional_special_tokens": ["<nowhere>"]}', /additional_special_tokens that are in the vocabulary/],
  ])("A12 special_tokens_map.json: %s is rejected by name", async (text, message) => {
    await expect(load({ "tokenizer_config.json": "{}", "special_tokens_map.json": text })).rejects.toThrow(message);
  });

  it("A12 what transformers 5 writes loads, and means the same", async () => {
    const { tokenizer } = await configured({
      backend: "tokenizers",
      cls_token: "[CLS]",
      do_lower_case: true,
      is_local: true,
      local_files_only: false,
      mask_token: "[MASK]",
      model_max_length: 52,
      pad_token: "[PAD]",
      processor_class: "ChineseCLIPProcessor",
      sep_token: "[SEP]",
      strip_accents: null,
      tokenize_chinese_chars: true,
      tokenizer_class: "BertTokenizer",
      unk_token: "[UNK]",
    });
    expect(tokenizer.encode("红色的猫")).toEqual((await load({})).tokenizer.encode("红色的猫"));
  });

  it.each<[string, Record<string, string>]>([
    [
      "added_tokens_decoder",
      {
        "tokenizer_config.json": JSON.stringify({
          added_tokens_decoder: { [size]: { content: "<new>", lstrip: true, normalized: false, special: true } },
          additional_special_tokens: ["<new>"],
        }),
      },
    ],
    ["added_tokens.json", { "added_tokens.json": JSON.stringify({ "<new>": size }) }],
  ])("A11 %s beside a vocab.txt is honoured", async (_, changes) => {
    const { tokenizer } = await load(changes);
    expect(tokenizer.encode("猫<new>", { addSpecialTokens: false }).ids.at(-1)).toBe(size);
  });
});

describe("C3 the processor", () => {
  it("C3 decodes", async () => {
    const processor = await load({});
    const { inputIds } = processor.process({ text: ["红", "猫"] });
    expect(processor.batchDecode(inputIds, { skipSpecialTokens: true })).toEqual(["红", "猫"]);
    expect(processor.decode(processor.tokenizer.encode("红").ids)).toBe("[CLS] 红 [SEP]");
    expect(processor.process({ text: "猫", addSpecialTokens: false }).inputIds.dims).toEqual([1, 1]);
  });
});

describe("A8 small files that are something else", () => {
  const LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 5\n";

  it.each([
    ["preprocessor_config.json", LFS, /preprocessor_config\.json: expected JSON, got a Git LFS pointer.*git lfs pull/],
    ["preprocessor_config.json", "<!DOCTYPE html><html>", /expected JSON, got an HTML page/],
    ["preprocessor_config.json", "", /expected JSON, got a file of 0 bytes; it is empty/],
    ["preprocessor_config.json", '{"size": 5', /preprocessor_config\.json: expected JSON$/],
    ["tokenizer_config.json", LFS, /tokenizer_config\.json: expected JSON, got a Git LFS pointer/],
    ["vocab.txt", LFS, /vocab\.txt: expected one token a line, got a Git LFS pointer/],
    ["vocab.txt", "<!doctype html>\n<html>\n", /vocab\.txt: expected one token a line, got an HTML page/],
  ])("A8 %s: %j", async (name, text, message) => {
    await expect(load({ [name]: text })).rejects.toThrow(message);
  });

  it("A8 what Python's json reads loads: NaN and Infinity, which its json writes; and a byte order mark, which editors write", async () => {
    const { tokenizer } = await load({
      "tokenizer_config.json": '\uFEFF{"model_max_length": Infinity, "best": NaN, "least": -Infinity, "text": "NaN \\" Infinity"}',
    });
    expect(tokenizer.encode("红色的猫")).toEqual((await load({})).tokenizer.encode("红色的猫"));
    await expect(load({ "tokenizer_config.json": '{"model_max_length": NaN}' })).rejects.toThrow(
      /expected model_max_length to be a number of at least 2, got "NaN"/,
    );
  });
});
