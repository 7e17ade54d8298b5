import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readTorchFile } from "@chinese-clip/model/torch";
import { afterAll, describe, expect, it } from "vitest";
import { convert, convertToTorch } from "../../src/index.js";

const FIXTURES = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "chinese-clip-torch-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each([
  ["a Hugging Face folder", "tiny-vit"],
  ["cn_clip's file", "tiny-ofa-vit/clip_cn_tiny-ofa-vit.pt"],
  ["a ResNet", "tiny-rn50/clip_cn_tiny-rn50.pt"],
])("%s", (_, source) => {
  it("comes back from a .pt file with the same bits", async () => {
    const own = source.replaceAll("/", "-");
    const [before, after, model] = ["before", "after", "model"].map((name) => join(scratch, own, name)) as [string, string, string];
    await convert(FIXTURES + source, before);
    const file = await convertToTorch(before, `${model}/tuned.pt`);
    expect(file).toBe(`${model}/tuned.pt`);
    for (const name of readdirSync(before)) {
      if (name !== "model.safetensors") copyFileSync(join(before, name), join(model, name));
    }
    await convert(model, after);
    expect(readFileSync(`${after}/model.safetensors`).equals(readFileSync(`${before}/model.safetensors`))).toBe(true);
  });
});

it("has cn_clip's wrapper, DistributedDataParallel's names, and data at multiples of 64", async () => {
  const file = await convertToTorch(`${FIXTURES}tiny-vit`, join(scratch, "names.pt"));
  const bytes = new Uint8Array(readFileSync(file));
  const [dict] = await readTorchFile({ name: file, byteLength: bytes.length, read: async (start, end) => bytes.slice(start, end) });
  const { path, names, locate } = dict!;
  expect(path).toBe("state_dict.");
  expect(names.every((name) => name.startsWith("module."))).toBe(true);
  expect(names).toEqual(expect.arrayContaining(["module.visual.proj", "module.visual.transformer.resblocks.0.attn.in_proj_weight", "module.bert.embeddings.word_embeddings.weight", "module.text_projection"])); // prettier-ignore
  for (const tensor of (await locate(names)).values())
    expect(tensor).toMatchObject({ byteOffset: expect.toSatisfy((at: number) => at % 64 === 0) as number });
});

it("leaves nothing of a file whose model is not there", async () => {
  await expect(convertToTorch(join(scratch, "nowhere"), join(scratch, "none", "x.pt"))).rejects.toThrow();
  expect(existsSync(join(scratch, "none", "x.pt"))).toBe(false);
});
