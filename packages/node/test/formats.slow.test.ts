/**
 * The public surface over every format that a checkpoint comes in: what transformers or cn_clip compute, from their files and from the
 * same weights written otherwise.
 */
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { ChineseCLIPModel, Tensor } from "../dist/index.js";
import { maxDifference, readTensors } from "./safetensors-fixture.js";

const FIXTURES = new URL("../../../fixtures/", import.meta.url);
const fixture = (path: string): string => fileURLToPath(new URL(path, FIXTURES));

/** Bounds of the goldens' README: float32 on a CPU. */
const BOUND = 1e-4;
const NORMALISED_BOUND = 1e-5;

const folders: string[] = [];
async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "chinese-clip-formats-"));
  folders.push(folder);
  await Promise.all(
    Object.entries(files).map(([name, content]) =>
      typeof content === "string" ? copyFile(content, join(folder, name)) : writeFile(join(folder, name), content),
    ),
  );
  return folder;
}
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** The features and logits of a model, against what a fixture's reference computed. */
async function expectModel(source: string, fixtureName: string): Promise<void> {
  const expected = await readTensors(new URL(`${fixtureName}/expected.safetensors`, FIXTURES));
  const inputIds = expected.get("input_ids");
  // cn_clip masks the padding by its id; the other references' mask says the same.
  const mask = BigInt64Array.from(inputIds.data as BigInt64Array, (id) => (id === 0n ? 0n : 1n));
  const text = { inputIds, attentionMask: new Tensor("int64", mask, inputIds.dims) };
  const pixelValues = expected.get("pixel_values");
  await using model = await ChineseCLIPModel.fromPretrained(source);
  expect(maxDifference(await model.getTextFeatures(text), expected.get("text_features"))).toBeLessThanOrEqual(BOUND);
  expect(maxDifference(await model.getImageFeatures({ pixelValues }), expected.get("image_features"))).toBeLessThanOrEqual(BOUND);
  const output = await model.forward({ ...text, pixelValues });
  expect(maxDifference(output.textEmbeds, expected.get("text_embeds"))).toBeLessThanOrEqual(NORMALISED_BOUND);
  expect(maxDifference(output.imageEmbeds, expected.get("image_embeds"))).toBeLessThanOrEqual(NORMALISED_BOUND);
  expect(maxDifference(output.logitsPerImage, expected.get("logits_per_image"))).toBeLessThanOrEqual(BOUND);
}

describe("published formats", () => {
  it("pytorch_model.bin in torch's legacy format", () => expectModel(fixture("tiny-legacy"), "tiny-legacy"));

  it("pytorch_model.bin as zip", async () => {
    const folder = await folderWith({
      "config.json": fixture("tiny-vit/config.json"),
      "pytorch_model.bin": fixture("tiny-vit/pytorch_model.bin"),
    });
    await expectModel(folder, "tiny-vit");
  });

  it("cn_clip's release of a vision transformer, by its folder and by its file", async () => {
    await expectModel(fixture("tiny-ofa-vit"), "tiny-ofa-vit");
    await expectModel(fixture("tiny-ofa-vit/clip_cn_tiny-ofa-vit.pt"), "tiny-vit");
  });

  it("cn_clip's release of a ResNet", () => expectModel(fixture("tiny-rn50"), "tiny-rn50"));
});

type Stored = Map<string, { dtype: string; shape: number[]; data: Uint8Array }>;

async function tinyTensors(): Promise<Stored> {
  const bytes = await readFile(fixture("tiny-vit/model.safetensors"));
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, dataStart)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => [name, { dtype, shape, data: new Uint8Array(bytes.subarray(dataStart + start, dataStart + end)) }],
    ),
  );
}

function safetensors(tensors: Stored): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { dtype, shape, data }] of tensors) header[name] = { dtype, shape, data_offsets: [end, (end += data.length)] };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...[...tensors.values()].map(({ data }) => data)]);
}

describe("tiny-vit's weights written otherwise", () => {
  it.each([false, true])("in three shards, under names of their own: %s", async (own) => {
    const tensors = [...(await tinyTensors())];
    const shards = [0, 1, 2].map((part) => {
      const some = new Map(tensors.filter((_, i) => i % 3 === part));
      return { name: own ? `part ${part}.st` : `model-0000${part + 1}-of-00003.safetensors`, some };
    });
    const weightMap = Object.fromEntries(shards.flatMap(({ name, some }) => [...some.keys()].map((tensor) => [tensor, name])));
    const files = Object.fromEntries(shards.map(({ name, some }) => [name, safetensors(some)]));
    const index = Buffer.from(JSON.stringify({ metadata: {}, weight_map: weightMap }));
    const config = fixture("tiny-vit/config.json");
    await expectModel(await folderWith({ ...files, "model.safetensors.index.json": index, "config.json": config }), "tiny-vit");

    const [first] = shards;
    const { [first?.name ?? ""]: _, ...rest } = files;
    const without = await folderWith({ ...rest, "model.safetensors.index.json": index, "config.json": config });
    await expect(ChineseCLIPModel.fromPretrained(without)).rejects.toMatchObject({ code: "missing-file", details: { file: first?.name } });
  });

  it("in F16, BF16, F32 and F64, mixed: as the same numbers in F32", async () => {
    const mixed: Stored = new Map();
    const rounded: Stored = new Map();
    for (const [i, [name, { shape, data }]] of [...(await tinyTensors())].entries()) {
      const dtype = (["F16", "BF16", "F32", "F64"] as const)[i % 4] ?? "F32";
      const stored = convert(new Float32Array(data.buffer), dtype);
      mixed.set(name, { dtype, shape, data: stored.bytes });
      rounded.set(name, { dtype: "F32", shape, data: new Uint8Array(stored.values.buffer) });
    }
    expect(new Set([...mixed.values()].map(({ dtype }) => dtype)).size).toBe(4);
    const config = fixture("tiny-vit/config.json");
    await using a = await ChineseCLIPModel.fromPretrained(
      await folderWith({ "config.json": config, "model.safetensors": safetensors(mixed) }),
    );
    await using b = await ChineseCLIPModel.fromPretrained(
      await folderWith({ "config.json": config, "model.safetensors": safetensors(rounded) }),
    );
    const expected = await readTensors(new URL("tiny-vit/expected.safetensors", FIXTURES));
    const inputs = {
      inputIds: expected.get("input_ids"),
      attentionMask: expected.get("attention_mask"),
      pixelValues: expected.get("pixel_values"),
      outputHiddenStates: true,
    };
    const [ours, theirs] = [await a.forward(inputs), await b.forward(inputs)];
    expect(maxDifference(ours.logitsPerImage, theirs.logitsPerImage)).toBeLessThanOrEqual(BOUND);
    for (const tower of ["textModelOutput", "visionModelOutput"] as const) {
      for (const [i, state] of (ours[tower].hiddenStates ?? []).entries())
        expect(maxDifference(state, theirs[tower].hiddenStates?.[i] ?? state), `${tower} ${i}`).toBeLessThanOrEqual(BOUND);
    }
    // and no further from the unrounded weights' than rounding to 8 bits of mantissa takes them
    expect(maxDifference(ours.textEmbeds, expected.get("text_embeds"))).toBeLessThan(0.05);
  });
});

/** Numbers in another format, and what they are after that. Halves are cut, not rounded, which makes them no less valid. */
function convert(values: Float32Array, dtype: "F16" | "BF16" | "F32" | "F64"): { bytes: Uint8Array; values: Float32Array } {
  if (dtype === "F32") return { bytes: new Uint8Array(values.buffer), values };
  if (dtype === "F64") return { bytes: new Uint8Array(Float64Array.from(values).buffer), values };
  const bits = new Uint32Array(values.buffer);
  if (dtype === "BF16") {
    const halves = Uint16Array.from(bits, (word) => word >>> 16);
    return { bytes: new Uint8Array(halves.buffer), values: new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer) };
  }
  const halves = Uint16Array.from(bits, (word) => {
    const exponent = ((word >>> 23) & 255) - 127;
    if (exponent < -14) return (word >>> 16) & 0x8000; // to zero
    return ((word >>> 16) & 0x8000) | ((exponent + 15) << 10) | ((word >>> 13) & 1023);
  });
  const cut = Uint32Array.from(bits, (word) => (((word >>> 23) & 255) - 127 < -14 ? word & 0x80000000 : word & 0xffffe000));
  return { bytes: new Uint8Array(halves.buffer), values: new Float32Array(cut.buffer) };
}

describe("which file is loaded", () => {
  const config = fixture("tiny-vit/config.json");
  const bad = Buffer.from("not weights at all, and long enough to look at");

  it("safetensors before .bin before .pt", async () => {
    const files = {
      "config.json": config,
      "model.safetensors": fixture("tiny-vit/model.safetensors"),
      "pytorch_model.bin": bad,
      "clip_cn_x.pt": bad,
    };
    await expectModel(await folderWith(files), "tiny-vit");
    const { "model.safetensors": _, ...rest } = files;
    await expectModel(await folderWith({ ...rest, "pytorch_model.bin": fixture("tiny-vit/pytorch_model.bin") }), "tiny-vit");
  });

  it("cn_clip's .pt among others, or the only one", async () => {
    const pt = fixture("tiny-ofa-vit/clip_cn_tiny-ofa-vit.pt");
    await expectModel(await folderWith({ "config.json": config, "clip_cn_x.pt": pt, "optimizer.pt": bad }), "tiny-vit");
    await expectModel(await folderWith({ "config.json": config, "epoch_latest.pt": pt }), "tiny-vit");
  });

  it("a file of any name, where the source is its path", async () => {
    const folder = await folderWith({ "config.json": config, "mine.bin": fixture("tiny-vit/pytorch_model.bin"), "other.bin": bad });
    await expectModel(join(folder, "mine.bin"), "tiny-vit");
    await expect(ChineseCLIPModel.fromPretrained(folder)).rejects.toMatchObject({ code: "missing-file" });
  });

  it("none or several: says what there is", async () => {
    await expect(ChineseCLIPModel.fromPretrained(await folderWith({ "config.json": config }))).rejects.toMatchObject({
      code: "missing-file",
    });
    const two = await folderWith({ "config.json": config, "a.pt": bad, "b.pt": bad });
    await expect(ChineseCLIPModel.fromPretrained(two)).rejects.toThrow(/a\.pt, b\.pt; name the one to load|b\.pt, a\.pt/);
  });

  it("a pickle that would run code is refused by name", async () => {
    const pickle = Buffer.from("\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.", "latin1");
    await expect(ChineseCLIPModel.fromPretrained(await folderWith({ "config.json": config, "x.pt": pickle }))).rejects.toMatchObject({
      code: "forbidden-global",
      message: expect.stringContaining("os.system"),
    });
  });
});
