import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChineseCLIP, ChineseCLIPTextModel, exportWeb, type PretrainedOptions } from "../../dist/index.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const DEMO = join(root, "examples", "demo-checkpoint");

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "chinese-clip-web-export-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const embed = async (source: string, dtype: PretrainedOptions["dtype"]): Promise<Float32Array[]> => {
  await using clip = await ChineseCLIP.fromPretrained(source, { dtype, cacheDir: join(scratch, "cache") });
  const image = await clip.embedImage(join(root, "examples", "pictures", "01.png"));
  return [(await clip.embedText(["红色的汽车", "月亮"])).data, image.data];
};

describe("exportWeb", () => {
  it("writes a file for each tower and format, which give what the checkpoint gives in that format", async () => {
    const folder = join(scratch, "all");
    const paths = await exportWeb(DEMO, folder, { dtypes: ["fp32", "fp16", "q8", "q4"] });
    expect(paths.every((path) => path.startsWith(folder))).toBe(true);
    expect((await readdir(folder)).filter((name) => name.endsWith(".safetensors"))).toHaveLength(8);
    for (const dtype of ["fp32", "fp16", "q8", "q4"] as const) expect(await embed(folder, dtype)).toEqual(await embed(DEMO, dtype));
    const sizes = await Promise.all(
      ["fp32", "fp16", "q8", "q4"].map(async (dtype) => (await stat(join(folder, `vision.${dtype}.safetensors`))).size),
    );
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  });

  it("lists its files with sizes and hashes", async () => {
    const folder = join(scratch, "listed");
    await exportWeb(DEMO, folder);
    const manifest = JSON.parse(await readFile(join(folder, "chinese-clip.json"), "utf8")) as {
      format: number;
      files: { name: string; bytes: number; sha256: string }[];
    };
    expect(manifest.format).toBe(1);
    expect(manifest.files.map(({ name }) => name).toSorted()).toEqual(
      (await readdir(folder)).filter((name) => name !== "chinese-clip.json").toSorted(),
    );
    for (const { name, bytes, sha256 } of manifest.files) {
      const contents = await readFile(join(folder, name));
      expect([contents.length, createHash("sha256").update(contents).digest("hex")]).toEqual([bytes, sha256]);
    }
  });

  it("converts nothing again when it is loaded", async () => {
    const [folder, cacheDir] = [join(scratch, "ready"), join(scratch, "empty-cache")];
    await exportWeb(DEMO, folder, { dtypes: ["fp16", "q8"] });
    for (const dtype of ["fp16", "q8"] as const) {
      await using clip = await ChineseCLIP.fromPretrained(folder, { dtype, cacheDir });
      await clip.embedText("猫");
    }
    await expect(readdir(cacheDir)).rejects.toThrow("ENOENT");
  });

  it("takes one tower, which loads alone", async () => {
    const folder = join(scratch, "text");
    await exportWeb(DEMO, folder, { dtypes: ["q8"], towers: ["text"] });
    expect((await readdir(folder)).filter((name) => name.endsWith(".safetensors"))).toEqual(["text.q8.safetensors"]);
    await using text = await ChineseCLIPTextModel.fromPretrained(folder, { dtype: "q8" });
    const { Tensor } = await import("../../dist/index.js");
    const { lastHiddenState } = await text.forward({ inputIds: new Tensor("int64", BigInt64Array.of(2n, 9n, 3n), [1, 3]) });
    expect(lastHiddenState.dims).toEqual([1, 3, 128]);
    await expect(ChineseCLIP.fromPretrained(folder, { dtype: "q8" })).rejects.toMatchObject({ code: "missing-tensor" });
  });

  it("says which formats there are when another is asked for", async () => {
    const folder = join(scratch, "only-q8");
    await exportWeb(DEMO, folder);
    await expect(ChineseCLIP.fromPretrained(folder)).rejects.toMatchObject({
      name: "CheckpointError",
      code: "missing-file",
      message: expect.stringContaining("expected weights in fp32, got q8"),
    });
  });

  it.each([
    [{ dtypes: ["q5" as "q8"] }, /dtypes .* got \["q5"\]/],
    [{ dtypes: [] }, /dtypes/],
    [{ towers: ["audio" as "text"] }, /towers .*audio/],
  ])("refuses %j", async (options, message) => {
    const folder = join(scratch, "refused");
    await expect(exportWeb(DEMO, folder, options)).rejects.toThrow(message);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
  });

  it("leaves nothing behind where it fails", async () => {
    const folder = join(scratch, "half");
    const cancel = new AbortController();
    const exported = exportWeb(DEMO, folder, {
      dtypes: ["q8"],
      signal: cancel.signal,
      onProgress: (event) => {
        if (event.status === "initiate" && event.file === "vision.q8.safetensors") cancel.abort();
      },
    });
    await expect(exported).rejects.toMatchObject({ name: "AbortError" });
    expect((await readdir(scratch)).filter((name) => name.includes("half"))).toEqual([]);
    await writeFile(join(scratch, "in-the-way"), "");
    await expect(exportWeb(DEMO, join(scratch, "in-the-way"))).rejects.toThrow(/ENOTDIR|EEXIST/);
  });
});
