/**
 * Models in other number formats than they are stored in: how close to float32 they are, and how conversions are kept.
 */
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCheckpoint } from "@chinese-clip/model";
import { planTower } from "@chinese-clip/model/quantize";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasExactMixedProducts } from "../src/session/mixed-products.js";
import { rowCosines } from "./row-cosines.js";
import {
  ChineseCLIP,
  ChineseCLIPModel,
  ChineseCLIPTextModel,
  ChineseCLIPVisionModel,
  type Embeddings,
  HubError,
  type PretrainedOptions,
} from "../dist/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const DEMO = join(root, "examples", "demo-checkpoint");
const PICTURES = join(root, "examples", "pictures");
const TEXTS = ["红色的汽车", "一只棕色的猫", "两个蓝色的蘑菇", "浅黄色背景上的黑色星星", "很大的紫色蘑菇", "画着灰色雪人的画", "月亮"];

let scratch = "";
let pictures: string[] = [];
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "chinese-clip-dtypes-"));
  pictures = (await readdir(PICTURES))
    .filter((name) => name.endsWith(".png"))
    .slice(0, 12)
    .map((name) => join(PICTURES, name));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const load = (dtype: PretrainedOptions["dtype"], source = DEMO, cacheDir = join(scratch, "cache")): Promise<ChineseCLIP> =>
  ChineseCLIP.fromPretrained(source, { dtype, cacheDir });

async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.includes(".")).toSorted();
}

describe("fidelity on the demo checkpoint", () => {
  let expectedTexts: Embeddings;
  let expectedImages: Embeddings;
  beforeAll(async () => {
    await using exact = await load("fp32");
    [expectedTexts, expectedImages] = [await exact.embedText(TEXTS), await exact.embedImage(pictures)];
  });

  it.each([
    ["fp16", 0.99999],
    ["q8", 0.999],
    ["q4", 0.97],
  ] as const)("%s: cosines with fp32 of at least %f", async (dtype, bound) => {
    await using converted = await load(dtype);
    const texts = await converted.embedText(TEXTS);
    expect(texts.data).not.toEqual(expectedTexts.data);
    expect(Math.min(...rowCosines(texts.data, expectedTexts.data, texts.dim))).toBeGreaterThan(bound);
    const images = await converted.embedImage(pictures);
    expect(images.data).not.toEqual(expectedImages.data);
    expect(Math.min(...rowCosines(images.data, expectedImages.data, images.dim))).toBeGreaterThan(bound);
  });

  it("q8 gives a text the same embedding whatever it is together with", async () => {
    await using clip = await load("q8");
    const together = await clip.embedText(TEXTS);
    for (const [i, text] of TEXTS.entries()) {
      const alone = (await clip.embedText(text)).data;
      const row = together.data.subarray(i * together.dim, (i + 1) * together.dim);
      expect(Math.max(...alone.map((value, e) => Math.abs(value - row[e]!)))).toBeLessThan(1e-5);
    }
  });

  it("is not float32 by default", async () => {
    await using byDefault = await ChineseCLIP.fromPretrained(DEMO);
    expect((await byDefault.embedText(TEXTS)).data).toEqual(expectedTexts.data);
  });
});

describe("every kind of model", () => {
  it.each(["tiny-vit", "tiny-legacy", "tiny-ofa-vit", "tiny-rn50"])("%s in q8", async (name) => {
    const source = join(root, "fixtures", name);
    await using exact = await load("fp32", source);
    await using converted = await load("q8", source);
    const { imageSize } = exact.model.config.visionConfig;
    const image = {
      data: Uint8Array.from({ length: 3 * imageSize * imageSize }, (_, i) => (i * i) % 251),
      width: imageSize,
      height: imageSize,
      channels: 3 as const,
    };
    const [text, expectedText] = [await converted.embedText("红的 猫"), await exact.embedText("红的 猫")];
    expect(Math.min(...rowCosines(text.data, expectedText.data, text.dim))).toBeGreaterThan(0.99);
    const [pixels, expectedPixels] = [await converted.embedImage(image), await exact.embedImage(image)];
    expect(Math.min(...rowCosines(pixels.data, expectedPixels.data, pixels.dim))).toBeGreaterThan(0.99);
  });

  it("a tower alone, with its states", async () => {
    const options = { dtype: "q8", cacheDir: join(scratch, "cache") } as const;
    const source = join(root, "fixtures", "tiny-vit");
    await using exact = await ChineseCLIPModel.fromPretrained(source);
    await using text = await ChineseCLIPTextModel.fromPretrained(source, options);
    await using vision = await ChineseCLIPVisionModel.fromPretrained(source, options);
    const { Tensor } = await import("../dist/index.js");
    const inputIds = new Tensor("int64", BigInt64Array.of(2n, 9n, 11n, 3n), [1, 4]);
    const pixelValues = new Tensor(
      "float32",
      Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i)),
      [1, 3, 32, 32],
    );
    const expected = await exact.forward({ inputIds, pixelValues, outputHiddenStates: true });
    const states = [
      await text.forward({ inputIds, outputHiddenStates: true }),
      await vision.forward({ pixelValues, outputHiddenStates: true }),
    ];
    for (const [i, { hiddenStates = [], lastHiddenState }] of states.entries()) {
      const reference = i === 0 ? expected.textModelOutput : expected.visionModelOutput;
      expect(hiddenStates).toHaveLength(reference.hiddenStates?.length ?? -1);
      expect(lastHiddenState.dims).toEqual(reference.lastHiddenState.dims);
      const [a, b] = [lastHiddenState.data as Float32Array, reference.lastHiddenState.data as Float32Array];
      const norm = (x: Float32Array): number => Math.hypot(...x);
      expect(a.reduce((sum, value, j) => sum + value * b[j]!, 0) / (norm(a) * norm(b))).toBeGreaterThan(0.995);
    }
  });

  it("but not what an ONNX export holds", async () => {
    await expect(load("q8", join(root, "fixtures", "tiny-onnx"))).rejects.toThrow(
      /RangeError|expected dtype fp32, which is what the model's ONNX export/,
    );
  });
});

describe("conversions", () => {
  it("are made once, for the tower that is used, and found again", async () => {
    const cache = join(scratch, "once");
    const first = await load("q8", DEMO, cache);
    await first.embedText("猫");
    await first.dispose();
    const [kept = "", ...others] = (await filesBelow(cache)).filter((name) => name.endsWith(".safetensors"));
    expect(others).toEqual([]);
    expect(kept).toMatch(/^\.chinese-clip.towers.[0-9a-f]{64}.text\.q8\.safetensors$/u);
    const path = join(cache, kept);
    await utimes(path, 1, 1);
    const events: string[] = [];
    await using again = await ChineseCLIP.fromPretrained(DEMO, {
      dtype: "q8",
      cacheDir: cache,
      onProgress: (event) => events.push("file" in event ? event.file : event.status),
    });
    await again.embedText("猫");
    expect((await stat(path)).mtimeMs).toBe(1000);
    expect(events).not.toContain("text.q8.safetensors");
  });

  it.each(["fp16", "q8", "q4"] as const)("have the bytes of a conversion in memory, in %s", async (dtype) => {
    const cache = join(scratch, `bytes-${dtype}`);
    await using clip = await load(dtype, DEMO, cache);
    await clip.embedText("猫");
    await clip.embedImage(pictures.slice(0, 1));
    const weights = await readFile(join(DEMO, "model.safetensors"));
    const read = async (start: number, end: number): Promise<Uint8Array> => new Uint8Array(weights.subarray(start, end));
    const checkpoint = await readCheckpoint([{ name: "model.safetensors", byteLength: weights.length, read }]);
    const integers = hasExactMixedProducts() ? "int8" : "uint8";
    for (const tower of ["text", "vision"] as const) {
      const name = `${tower}.${dtype}.safetensors`;
      const chunks: Uint8Array[] = [];
      for await (const chunk of planTower(checkpoint, tower, dtype, name, integers).chunks()) chunks.push(chunk);
      const kept = (await filesBelow(cache)).find((path) => path.endsWith(name)) ?? "";
      expect(Buffer.concat(chunks).equals(await readFile(join(cache, kept))), tower).toBe(true);
    }
  });

  it("of the same weights in another place are one file", async () => {
    const [cache, copy] = [join(scratch, "shared"), join(scratch, "copy")];
    await mkdir(copy);
    for (const name of await readdir(DEMO))
      if (/\.(?:json|txt|safetensors)$/u.test(name)) await copyFile(join(DEMO, name), join(copy, name));
    for (const source of [DEMO, copy]) {
      await using clip = await load("q8", source, cache);
      await clip.embedText("猫");
    }
    const files = await filesBelow(cache);
    expect(files.filter((name) => name.endsWith(".safetensors"))).toHaveLength(1);
    expect(files.filter((name) => name.endsWith(".json"))).toHaveLength(2);
  });

  it("of weights that have changed are made anew", async () => {
    const [cache, copy] = [join(scratch, "changed"), join(scratch, "changing")];
    await mkdir(copy);
    for (const name of await readdir(DEMO))
      if (/\.(?:json|txt|safetensors)$/u.test(name)) await copyFile(join(DEMO, name), join(copy, name));
    const embed = async (): Promise<Float32Array> => {
      await using clip = await load("q8", copy, cache);
      return (await clip.embedText("猫")).data;
    };
    const before = await embed();
    const weights = await readFile(join(copy, "model.safetensors"));
    const header = JSON.parse(weights.toString("utf8", 8, 8 + Number(weights.readBigUInt64LE(0)))) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    const start = 8 + Number(weights.readBigUInt64LE(0)) + header["text_model.embeddings.word_embeddings.weight"]!.data_offsets[0];
    for (let i = 0; i < 20_000; i += 4) weights.writeFloatLE(-weights.readFloatLE(start + i), start + i);
    await writeFile(join(copy, "model.safetensors"), weights);
    expect(await embed()).not.toEqual(before);
  });

  it("that were cut short are made anew, and leave no parts behind", async () => {
    const cache = join(scratch, "cut");
    const embed = async (): Promise<Float32Array> => {
      await using clip = await load("q8", DEMO, cache);
      return (await clip.embedText("猫")).data;
    };
    const before = await embed();
    const [kept = ""] = (await filesBelow(cache)).filter((name) => name.endsWith(".safetensors"));
    await truncate(join(cache, kept), 1000);
    expect(await embed()).toEqual(before);
    expect((await filesBelow(cache)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("of a model that is opened several times at once are one", async () => {
    const cache = join(scratch, "at-once");
    const clips = await Promise.all([1, 2, 3].map(() => load("q8", DEMO, cache)));
    const embedded = await Promise.all(clips.map((clip) => clip.embedText("猫")));
    await Promise.all(clips.map((clip) => clip.dispose()));
    expect(embedded[1]).toEqual(embedded[0]);
    expect((await filesBelow(cache)).filter((name) => name.endsWith(".safetensors"))).toHaveLength(1);
  });

  it("C5 go to a temporary folder where the cache cannot be written, and say what to do", async () => {
    const place = join(scratch, "taken");
    await writeFile(place, "a file, not a folder");
    const errors: Error[] = [];
    await using clip = await ChineseCLIP.fromPretrained(DEMO, {
      dtype: "q8",
      cacheDir: place,
      onCacheError: (error) => errors.push(error),
    });
    expect((await clip.embedText("猫")).count).toBe(1);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(HubError);
    expect(errors[0]).toMatchObject({ code: "cache", message: expect.stringMatching(/cannot be written .*cacheDir/u) });
  });

  it.each([
    ["a quarter of their bytes zeroed", 0.25],
    ["all of them zeroed", 1],
  ])("I5 with %s are not used", async (_, part) => {
    const cache = join(scratch, `zeroed-${part}`);
    const embed = async (): Promise<Float32Array> => {
      await using clip = await load("q8", DEMO, cache);
      return (await clip.embedText("猫")).data;
    };
    const before = await embed();
    const [cached = ""] = (await filesBelow(cache)).filter((name) => name.endsWith(".safetensors"));
    const bytes = await readFile(join(cache, cached));
    await writeFile(join(cache, cached), bytes.fill(0, bytes.length * (1 - part)));
    expect(await embed()).toEqual(before);
  });

  it("I5 of the same weights copied elsewhere are found in a cache that cannot be written", async () => {
    const [cache, copy] = [join(scratch, "layer"), join(scratch, "layer-copy")];
    await mkdir(copy);
    for (const name of await readdir(DEMO))
      if (/\.(?:json|txt|safetensors)$/u.test(name)) await copyFile(join(DEMO, name), join(copy, name));
    const first = await load("q8", DEMO, cache);
    const before = (await first.embedText("猫")).data;
    await first.dispose();
    const sources = join(cache, ".chinese-clip", "sources");
    await rm(sources, { recursive: true });
    await writeFile(sources, "no hash can be remembered here");
    const events: string[] = [];
    await using clip = await ChineseCLIP.fromPretrained(copy, {
      dtype: "q8",
      cacheDir: cache,
      onProgress: (event) => events.push(event.status),
      onCacheError: (error) => events.push(error.message),
    });
    events.length = 0;
    expect((await clip.embedText("猫")).data).toEqual(before);
    expect(events).toEqual(["done"]);
  });

  it("say what is wrong with the weights", async () => {
    const copy = join(scratch, "vanishing");
    await mkdir(copy);
    for (const name of await readdir(DEMO))
      if (/\.(?:json|txt|safetensors)$/u.test(name)) await copyFile(join(DEMO, name), join(copy, name));
    await using clip = await load("q8", copy, join(scratch, "vanished"));
    const weights = join(copy, "model.safetensors");
    await chmod(weights, 0o600);
    await truncate(weights, 1_000_000);
    await expect(clip.embedText("猫")).rejects.toMatchObject({ name: "CheckpointError", code: "malformed" });
  });
});
