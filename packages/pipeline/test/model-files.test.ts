/** Which files a model is read from: transformers 5's folders, variants, what other programs leave beside a model. */
import { describe, expect, it } from "vitest";
import { readFile } from "node:fs/promises";
import { findPreprocessorConfig, ModelReader, type ModelFiles } from "../src/index.js";

const FIXTURES = new URL("../../../fixtures/", import.meta.url);
const weights = new Uint8Array(await readFile(new URL("tiny-vit/model.safetensors", FIXTURES)));
const config = await readFile(new URL("tiny-vit/config.json", FIXTURES), "utf8");

/** A model of these files; bytes are weights. */
function filesOf(files: Readonly<Record<string, string | Uint8Array>>, source = "model"): ModelFiles {
  const all = new Map(Object.entries(files));
  return {
    source,
    list: async () => [...all.keys()],
    async readText(name) {
      const content = all.get(name);
      return typeof content === "string" ? content : undefined;
    },
    async open(name) {
      const content = all.get(name);
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      return bytes && { name, byteLength: bytes.length, read: async (start, end) => bytes.slice(start, end) };
    },
  };
}

const imageProcessor = { do_center_crop: true, size: { height: 7, width: 7 }, image_processor_type: "ChineseCLIPImageProcessor" };

describe("A1 image settings where transformers 5 has them", () => {
  it("come from processor_config.json, before preprocessor_config.json", async () => {
    const nested = JSON.stringify({ image_processor: imageProcessor, processor_class: "ChineseCLIPProcessor" });
    expect(await findPreprocessorConfig(filesOf({ "processor_config.json": nested }))).toEqual(imageProcessor);
    const both = filesOf({ "processor_config.json": nested, "preprocessor_config.json": '{"size":1}' });
    expect(await new ModelReader(both).preprocessorConfig()).toEqual(imageProcessor);
  });

  it.each(["{}", '{"processor_class":"ChineseCLIPProcessor"}', '{"image_processor":null}'])(
    "%s: preprocessor_config.json",
    async (text) => {
      const files = filesOf({ "processor_config.json": text, "preprocessor_config.json": '{"size":1}' });
      expect(await findPreprocessorConfig(files)).toEqual({ size: 1 });
      await expect(
        new ModelReader(filesOf({ "processor_config.json": text, "config.json": config })).preprocessorConfig(),
      ).rejects.toMatchObject({
        code: "missing-file",
        message: expect.stringMatching(/preprocessor_config\.json, or processor_config\.json with an image_processor/),
      });
    },
  );

  it.each(["[]", "1", '{"image_processor":3}', '{"image_processor":[]}', "{"])("%s is malformed", async (text) => {
    await expect(findPreprocessorConfig(filesOf({ "processor_config.json": text }))).rejects.toMatchObject({
      code: "malformed",
      details: { file: "processor_config.json" },
    });
  });

  it("a folder with a processor only says so", async () => {
    const files = filesOf({ "processor_config.json": "{}", "tokenizer.json": "{}" });
    await expect(new ModelReader(files).config()).rejects.toMatchObject({
      code: "missing-file",
      message: expect.stringMatching(/got a processor only \(processor_config\.json, tokenizer\.json\)/),
    });
  });
});

describe("A9 variants", () => {
  const index = JSON.stringify({ weight_map: { logit_scale: "model.fp16-00001-of-00001.safetensors" } });

  it("are found by their option, single and sharded", async () => {
    for (const files of [
      { "model.fp16.safetensors": weights, "model.safetensors": "no weights" },
      { "model.safetensors.index.fp16.json": index, "model.fp16-00001-of-00001.safetensors": weights },
      { "pytorch_model.fp16.bin": weights },
    ]) {
      const reader = new ModelReader(filesOf({ "config.json": config, ...files }), { variant: "fp16" });
      expect((await reader.checkpoint()).tensor("logit_scale", []).shape).toEqual([]);
      expect(await reader.weights()).toBe(await reader.checkpoint());
    }
  });

  it("are named where one is there and none was asked for, and where another was", async () => {
    const files = filesOf({ "config.json": config, "model.fp16.safetensors": weights });
    await expect(new ModelReader(files).checkpoint()).rejects.toThrow(/got model\.fp16\.safetensors: name the variant, "fp16"/);
    await expect(new ModelReader(files, { variant: "bf16" }).checkpoint()).rejects.toThrow(
      /weights of the variant bf16: model\.bf16\.safetensors, model\.safetensors\.index\.bf16\.json/,
    );
  });

  it("a LoRA folder names PEFT and says to merge, also from a trainer's folder", async () => {
    for (const more of [{}, { "optimizer.pt": weights, "training_args.bin": weights }]) {
      const files = filesOf({ "adapter_config.json": "{}", "adapter_model.safetensors": weights, ...more });
      await expect(new ModelReader(files).checkpoint()).rejects.toThrow(/PEFT adapter \(LoRA\).*merge_and_unload\(\)/);
    }
  });
});

describe("A5, A8 other names of weights", () => {
  it.each(["last.ckpt", "best.pth", "epoch_3.pt"])("%s is taken, what trainers leave beside it is not", async (name) => {
    const files = filesOf({
      "config.json": config,
      [name]: weights,
      "optimizer.pt": weights,
      "scheduler.pt": weights,
      "rng_state_0.pth": weights,
    });
    expect((await new ModelReader(files).checkpoint()).tensors.has("logit_scale")).toBe(true);
  });

  it.each([
    ["model.safetensors.part", /a download that is not finished: finish it first \(model\.safetensors\.part\)/],
    ["pytorch_model.bin.incomplete", /a download that is not finished/],
    ["tf_model.h5", /weights of another framework/],
  ])("%s alone says what it is", async (name, message) => {
    await expect(new ModelReader(filesOf({ "config.json": config, [name]: weights })).checkpoint()).rejects.toThrow(message);
  });

  it("a Git LFS pointer in the place of the weights", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 753000000\n";
    const files = filesOf({ "config.json": config, "pytorch_model.bin": new TextEncoder().encode(pointer) });
    await expect(new ModelReader(files).checkpoint()).rejects.toThrow(/pytorch_model\.bin: .*Git LFS pointer.*git lfs pull/);
  });
});
