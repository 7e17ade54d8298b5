import type { Tensor } from "onnxruntime-common";
import { describe, expect, it } from "vitest";
import { ChineseCLIPProcessor, loadFrom, loadProcessorParts, type PretrainedOptions } from "../src/index.js";
import { fakePlatform } from "./fake-platform.js";

const load = async (
  changes: Readonly<Record<string, string | undefined>> = {},
  options: PretrainedOptions = {},
): Promise<ChineseCLIPProcessor> =>
  loadFrom(fakePlatform(changes), "fake", options, async (files) => new ChineseCLIPProcessor(await loadProcessorParts(files, options)));
const vocab = (await (await fakePlatform().openModel("", {})).readText("vocab.txt")) ?? "";
const picture = { data: new Uint8Array(5 * 4 * 3).fill(128), width: 5, height: 4, channels: 3 } as const;

describe("process", () => {
  it("makes the inputs of both towers", async () => {
    const { inputIds, attentionMask, tokenTypeIds, truncated, pixelValues } = (await load()).process({
      text: ["红色的汽车", "猫"],
      images: picture,
    });
    expect(inputIds.dims).toEqual([2, 7]);
    expect([...attentionMask.data]).toEqual([1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 0n, 0n, 0n, 0n]);
    expect(tokenTypeIds.data.every((type) => type === 0n)).toBe(true);
    expect(truncated).toEqual([false, false]);
    expect([pixelValues.dims, pixelValues.type]).toEqual([[1, 3, 32, 32], "float32"]);
  });

  it("passes padding, truncation and length on to the tokenizer", async () => {
    const processor = await load();
    expect(processor.process({ text: "猫", padding: "max_length" }).inputIds.dims).toEqual([1, 52]);
    expect(processor.process({ text: "红色的汽车", maxLength: 4 })).toMatchObject({ truncated: [true], inputIds: { dims: [1, 4] } });
  });

  it("knows which results there are from what it was given", async () => {
    const processor = await load();
    const text = processor.process({ text: "猫" });
    text.inputIds satisfies Tensor;
    // @ts-expect-error -- no images, so perhaps no pixel values
    text.pixelValues satisfies Tensor;
    const images = processor.process({ images: [picture] });
    images.pixelValues satisfies Tensor;
    // @ts-expect-error -- no text, so perhaps no ids
    images.inputIds satisfies Tensor;
    expect(text).not.toHaveProperty("pixelValues");
    expect(images).not.toHaveProperty("inputIds");
  });

  it("refuses neither text nor images", async () => {
    const processor = await load();
    expect(() => processor.process({})).toThrow(TypeError);
  });
});

describe("loadProcessorParts", () => {
  it("prefers tokenizer.json to vocab.txt, as transformers does", async () => {
    const ids = Object.fromEntries(vocab.trimEnd().split("\n").map((entry, id) => [entry, id])); // prettier-ignore
    [ids["红"], ids["猫"]] = [ids["猫"] ?? 0, ids["红"] ?? 0];
    const json = {
      normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
      pre_tokenizer: { type: "BertPreTokenizer" },
      decoder: { type: "WordPiece", prefix: "##", cleanup: true },
      post_processor: {
        type: "TemplateProcessing",
        single: [
          { SpecialToken: { id: "[CLS]", type_id: 0 } },
          { Sequence: { id: "A", type_id: 0 } },
          { SpecialToken: { id: "[SEP]", type_id: 0 } },
        ],
      },
      model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab: ids },
    };
    const { tokenizer } = await load({ "tokenizer.json": JSON.stringify(json) });
    expect(tokenizer.encode("红").ids).toEqual((await load()).tokenizer.encode("猫").ids);
  });

  it("takes the flavour from the options and the rest from tokenizer_config.json", async () => {
    const config = JSON.stringify({ model_max_length: 8, do_lower_case: true, strip_accents: null, tokenize_chinese_chars: true });
    const text = "猫".repeat(20);
    expect((await load({ "tokenizer_config.json": config })).tokenizer.encode(text)).toMatchObject({ truncated: true, ids: { length: 8 } });
    const hf = (await load({ "tokenizer_config.json": config }, { flavor: "transformers" })).tokenizer;
    expect(hf.encode(text).ids).toHaveLength(22);
    expect(hf.encode(text, { truncation: true }).ids).toHaveLength(8);
  });

  it("lets no file raise cn_clip's limit of 52", async () => {
    const { tokenizer } = await load({ "tokenizer_config.json": JSON.stringify({ model_max_length: 1e30 }) });
    expect(tokenizer.encode("猫".repeat(80)).ids).toHaveLength(52);
  });

  it.each([
    [{ "preprocessor_config.json": undefined }, "CheckpointError", /fake: expected a file preprocessor_config\.json/],
    [{ "preprocessor_config.json": "<html>" }, "CheckpointError", /fake: preprocessor_config\.json: expected JSON/],
    [{ "preprocessor_config.json": '{"resample": 9}' }, "ImageError", /fake: .*resample/],
    [{ "vocab.txt": undefined }, "CheckpointError", /fake: expected a file vocab\.txt/],
    [{ "vocab.txt": "a\nb\na\n" }, "TokenizerError", /^TokenizerError: fake: /],
    [{ "tokenizer.json": "{}" }, "TokenizerError", /^TokenizerError: fake: /],
    [{ "tokenizer_config.json": "[]" }, "CheckpointError", /fake: tokenizer_config\.json: expected an object/],
    [{ "tokenizer_config.json": '{"model_max_length": "52"}' }, "CheckpointError", /model_max_length to be a number/],
  ])("refuses %j, naming model and file", async (changes, name, message) => {
    const error: unknown = await load(changes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name });
    expect(String(error)).toMatch(message);
  });
});
