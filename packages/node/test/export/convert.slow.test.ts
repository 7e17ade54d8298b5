/**
 * Conversions, loaded again, against the model that they were made of.
 */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChineseCLIPModel, ChineseCLIPProcessor, convert, Tensor } from "../../dist/index.js";
import { maxDifference, readTensors } from "../safetensors-fixture.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));

const byName = (a: string, b: string): number => (a < b ? -1 : 1);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "chinese-clip-"));
});
afterAll(() => rm(root, { recursive: true }));

const inputIds = new Tensor(
  "int64",
  BigInt64Array.from({ length: 14 }, (_, i) => BigInt(i * 11)),
  [2, 7],
);
const pixels = (size: number): Tensor =>
  new Tensor(
    "float32",
    Float32Array.from({ length: 2 * 3 * size * size }, (_, i) => Math.cos(i * 0.73)),
    [2, 3, size, size],
  );

describe.each([
  ["tiny-vit", "", 32],
  ["tiny-vit", "pytorch_model.bin", 32],
  ["tiny-legacy", "", 32],
  ["tiny-ofa-vit", "", 32],
  ["tiny-rn50", "", 64],
])("convert of %s/%s", (name, file, size) => {
  it("gives a folder that gives the same", async () => {
    const source = join(fixture(name), file);
    const folder = join(root, `${name}-${file}`);
    const paths = await convert(source, folder);
    const names = ["config.json", "model.safetensors", "preprocessor_config.json", "vocab.txt"];
    expect((await readdir(folder)).toSorted(byName)).toEqual(names);
    expect([...paths].toSorted(byName)).toEqual(names.map((one) => join(folder, one)));

    await using before = await ChineseCLIPModel.fromPretrained(source);
    await using after = await ChineseCLIPModel.fromPretrained(folder);
    expect(after.logitScale).toBe(before.logitScale);
    expect(after.config.toJSON()).toEqual({ ...after.config.toJSON(), ...before.config.toJSON() });
    // The same numbers in the same graph; only a projection may lie the other way round.
    expect(maxDifference(await after.getTextFeatures({ inputIds }), await before.getTextFeatures({ inputIds }))).toBeLessThan(1e-5);
    const pixelValues = pixels(size);
    expect(maxDifference(await after.getImageFeatures({ pixelValues }), await before.getImageFeatures({ pixelValues }))).toBeLessThan(1e-5);

    const processor = await ChineseCLIPProcessor.fromPretrained(folder);
    const picture = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 as const };
    expect(processor.process({ images: picture }).pixelValues.dims).toEqual([1, 3, size, size]);
  });
});

describe("convert", () => {
  it("gives cn_clip's weights the names, shapes and values that Hugging Face's conversion gives them", async () => {
    const folder = join(root, "ofa");
    await convert(fixture("tiny-ofa-vit"), folder);
    const [converted, published] = await Promise.all(
      [join(folder, "model.safetensors"), fixture("tiny-vit/model.safetensors")].map(async (path) => ({
        bytes: await readFile(path),
        tensors: await readTensors(pathToFileURL(path)),
      })),
    );
    const names = (bytes: Buffer): string[] =>
      Object.keys(JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0)))) as object).toSorted(byName);
    expect(names(converted!.bytes)).toEqual(names(published!.bytes));
    expect(converted!.tensors.metadata).toEqual({ format: "pt" });
    for (const name of names(published!.bytes).filter((one) => one !== "__metadata__"))
      expect(maxDifference(converted!.tensors.get(name), published!.tensors.get(name))).toBe(0);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const folder = join(root, "stopped");
    const controller = new AbortController();
    const stopped = convert(fixture("tiny-vit"), folder, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.status === "progress") controller.abort(new Error("enough"));
      },
    });
    await expect(stopped).rejects.toThrow("enough");
    expect((await readdir(root)).filter((name) => name.includes("stopped"))).toEqual([]);
  });

  it("refuses weights that do not fit their configuration", async () => {
    const folder = join(root, "misfit");
    await mkdir(folder);
    await copyFile(join(fixture("tiny-vit"), "config.json"), join(folder, "config.json"));
    await copyFile(join(fixture("tiny-rn50"), "clip_cn_tiny-rn50.pt"), join(folder, "clip_cn_tiny-rn50.pt"));
    await expect(convert(folder, join(root, "never"))).rejects.toMatchObject({ name: "CheckpointError" });
    await expect(readdir(join(root, "never"))).rejects.toThrow(/ENOENT/);
  });

  it("refuses an ONNX export, and says what to name instead", async () => {
    await expect(convert(fixture("tiny-onnx"), join(root, "onnx"))).rejects.toMatchObject({
      code: "missing-file",
      message: expect.stringMatching(/got ONNX graphs only \(onnx\/model\.onnx\).*name the checkpoint that it was exported from/),
    });
  });
});
