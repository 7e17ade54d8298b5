/** Folders that transformers 5 and its trainers write: image settings in processor_config.json, variants, subfolders. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { ChineseCLIPModel, ChineseCLIPProcessor, convert, exportWeb } from "../dist/index.js";

const fixture = (path: string): string => fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url));
const root = await mkdtemp(join(tmpdir(), "chinese-clip-transformers5-"));
afterAll(() => rm(root, { recursive: true }));

const v5 = JSON.parse(await readFile(fixture("v5-folder/processor_config.json"), "utf8")) as { image_processor: Record<string, unknown> };
const own = {
  ...v5,
  image_processor: { ...v5.image_processor, size: { height: 32, width: 32 }, image_mean: [0.1, 0.2, 0.3], rescale_factor: 1 },
};
const processorConfig = JSON.stringify(own, undefined, 2).replace('"rescale_factor": 1', '"rescale_factor": 1.0');

/** A folder as `model.save_pretrained(d); processor.save_pretrained(d)` leaves it. */
async function v5Folder(name: string, weights = "model.safetensors"): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await copyFile(fixture("tiny-vit/config.json"), join(folder, "config.json"));
  await copyFile(fixture("tiny-vit/vocab.txt"), join(folder, "vocab.txt"));
  await copyFile(fixture("tiny-vit/model.safetensors"), join(folder, weights));
  await writeFile(join(folder, "processor_config.json"), processorConfig);
  return folder;
}

const picture = { data: new Uint8Array(300).map((_, i) => i % 256), width: 10, height: 10, channels: 3 as const };
async function pixels(folder: string, options: object = {}): Promise<unknown> {
  const { imageProcessor } = await ChineseCLIPProcessor.fromPretrained(folder, options);
  return imageProcessor.preprocess(picture).pixelValues.data;
}

describe("A1 a folder that transformers 5 saved", () => {
  it("loads with its own image settings", async () => {
    const folder = await v5Folder("saved");
    const published = await pixels(fixture("tiny-vit"));
    expect(await pixels(folder)).not.toEqual(published);
    await using model = await ChineseCLIPModel.fromPretrained(folder);
    expect(model.logitScale).toBeGreaterThan(0);
  });

  it("without its model: says that it has a processor only", async () => {
    const folder = await v5Folder("processor");
    await Promise.all(["config.json", "model.safetensors"].map((name) => rm(join(folder, name))));
    await expect(ChineseCLIPModel.fromPretrained(folder)).rejects.toThrow(/got a processor only \(.*processor_config\.json/);
  });
});

describe("A3, A10 convert and exportWeb of such a folder", () => {
  it("keep the folder's own values, and floats as floats, for transformers 5 and for readers of preprocessor_config.json", async () => {
    const source = await v5Folder("source");
    const expected = await pixels(source);
    for (const [name, write] of [
      ["converted", convert],
      ["exported", exportWeb],
    ] as const) {
      const folder = join(root, name);
      await write(source, folder);
      expect(await pixels(folder), name).toEqual(expected);
      const text = await readFile(join(folder, "preprocessor_config.json"), "utf8");
      expect(JSON.parse(text)).toEqual(own.image_processor);
      expect(text).toMatch(/"rescale_factor": 1\.0,?$/m);
    }
    expect(await readFile(join(root, "converted", "processor_config.json"), "utf8")).toBe(processorConfig);
  });
});

describe("A9 variant and subfolder", () => {
  it("of a folder", async () => {
    const folder = dirname(await v5Folder("runs/checkpoint-500", "model.fp16.safetensors"));
    const options = { variant: "fp16", subfolder: "checkpoint-500" };
    await using model = await ChineseCLIPModel.fromPretrained(folder, options);
    expect(model.logitScale).toBeGreaterThan(0);
    expect(await pixels(folder, options)).toEqual(await pixels(join(folder, "checkpoint-500"), { variant: "fp16" }));
    await expect(ChineseCLIPModel.fromPretrained(folder, { subfolder: "checkpoint-500" })).rejects.toThrow(/name the variant, "fp16"/);
  });

  it.each(["..", "../x", "/etc", "a/../../b", "a//b", "C:x", ""])("a subfolder %j is rejected", async (subfolder) => {
    await expect(ChineseCLIPModel.fromPretrained(root, { subfolder })).rejects.toThrow(RangeError);
  });

  it.each(["", "../x", "a/b", "fp16."])("a variant %j is rejected", async (variant) => {
    await expect(ChineseCLIPModel.fromPretrained(root, { variant })).rejects.toThrow(RangeError);
  });
});
