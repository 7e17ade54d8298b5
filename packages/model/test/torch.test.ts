/** Checkpoints in torch's formats and cn_clip's names: what real torch wrote, and variants written here. */
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { buildTextGraph, buildVisionGraph, ChineseCLIPConfig, parseCnClipConfig, parseShardIndex, readCheckpoint } from "../src/index.js";
import { cnClipTensors } from "./cn-clip-names.js";
import { fixtureBytes, fixtureJson, memoryFile, safetensors } from "./fixtures.js";
import { expectTiny, safetensorsOf, tinyTensors } from "./tiny-tensors.js";
import { readTorchFile } from "../src/torch.js";
import { load, pickledTensor, py, stateDict, type Tensor, torchEntries, torchLegacy, zip, zipPieces } from "./torch-writer.js";

const read = (bytes: Uint8Array, name = "model.pt") => readCheckpoint([memoryFile(name, bytes)]);
const refused = async (bytes: Uint8Array): Promise<unknown> =>
  read(bytes).then(
    () => undefined,
    (error: unknown) => error,
  );

const bytesOfEntries = (pickle: Uint8Array, ...storages: number[]): Uint8Array =>
  zip([["a/data.pkl", pickle], ...storages.map((size, i) => [`a/data/${i}`, new Uint8Array(size)] as const)]);

describe("files of real torch", () => {
  it.each(["tiny-vit/pytorch_model.bin", "tiny-ofa-vit/clip_cn_tiny-ofa-vit.pt"])(
    "%s holds tiny-vit's tensors, bit for bit",
    async (path) => expectTiny(await fixtureBytes(path)),
  );

  it.each(["adamw.pt", "adamw-legacy.pt"])(
    "%s: the entry /torch lists every dict, the model's first, with the same places",
    async (name) => {
      const bytes = await fixtureBytes(`torch/${name}`);
      const [model, ...others] = await readTorchFile(memoryFile(name, bytes));
      const { tensors } = await read(bytes, name);
      expect(model).toMatchObject({ path: "state_dict.", isPlain: true });
      // readCheckpoint maps cn_clip's names to Hugging Face's; the places stay.
      const located = [...((await model?.locate(model.names)) ?? new Map<string, unknown>()).values()];
      expect(located).toMatchObject(
        [...tensors.values()].map(({ dtype, shape, byteOffset, byteLength }) => ({ dtype, shape, byteOffset, byteLength })),
      );
      expect(others).toHaveLength(5);
      expect(others.every(({ path, names }) => /^optimizer\.state\.\d\.$/.test(path) && names.includes("exp_avg_sq"))).toBe(true);
    },
  );

  it("the entry /torch rejects safetensors", async () => {
    await expect(readTorchFile(memoryFile("a.pt", safetensors({}, 0)))).rejects.toMatchObject({
      name: "CheckpointError",
      code: "malformed",
    });
  });

  it("tiny-legacy makes both towers", async () => {
    const checkpoint = await read(await fixtureBytes("tiny-legacy/pytorch_model.bin"));
    const config = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-legacy/config.json"));
    expect((await buildTextGraph(config.textConfig, checkpoint, { kind: "features" }, config.projectionDim)).files).toEqual(["model.pt"]);
    expect((await buildVisionGraph(config.visionConfig, checkpoint, { kind: "features" }, config.projectionDim)).files).toEqual([
      "model.pt",
    ]);
    expect(await checkpoint.scalar("logit_scale")).toBeGreaterThan(0);
  });

  it("tiny-rn50 keeps cn_clip's names for its image tower, without batch norm's counters", async () => {
    const checkpoint = await read(await fixtureBytes("tiny-rn50/clip_cn_tiny-rn50.pt"));
    const names = [...checkpoint.tensors.keys()];
    expect(names).toContain("visual.layer1.0.downsample.1.running_var");
    expect(checkpoint.tensors.get("visual.conv1.weight")?.shape).toHaveLength(4);
    expect(names.filter((name) => /^module|num_batches_tracked|^bert/.test(name))).toEqual([]);
    const config = await parseCnClipConfig(
      await fixtureJson("tiny-rn50/text_model_config.json"),
      await fixtureJson("tiny-rn50/vision_model_config.json"),
    );
    expect((await buildVisionGraph(config.visionConfig, checkpoint, { kind: "features" }, config.projectionDim)).outputs).toEqual([
      "image_features",
    ]);
  });

  it("fixtures/torch: optimizer's state, protocols 1, 2 and 4, legacy, half precision, parameters, transposed views", async () => {
    type Expected = Record<string, Record<string, { shape: number[]; values: number[] }>>;
    const expected = (await fixtureJson("torch/expected.json")) as Expected;
    const files = (await readdir(new URL("../../../fixtures/torch/", import.meta.url))).filter((name) => /\.(pt|bin)$/.test(name));
    expect(files).toHaveLength(10);
    for (const file of files.filter((name) => name !== "whole-module.pt")) {
      const dtype = /float16/.exec(file)?.[0] ?? "float32";
      const bytes = await fixtureBytes(`torch/${file}`);
      const { tensors } = await read(bytes);
      const values = expected[file.startsWith("b") ? "bfloat16" : dtype] ?? {};
      expect([...tensors.keys()].sort(), file).toEqual(Object.keys(values).sort());
      for (const [name, { shape, data, dtype: stored }] of load(tensors, bytes)) {
        expect({ shape, values: await numbers(data, stored) }, `${file} ${name}`).toEqual(values[name]);
      }
    }
  });

  it("fixtures/torch: a whole module is refused by its class", async () => {
    expect(await refused(await fixtureBytes("torch/whole-module.pt"))).toMatchObject({
      code: "forbidden-global",
      details: { global: "__main__.Model" },
    });
  });
});

/** Every element, by the same function that reads `logit_scale`. */
async function numbers(data: Uint8Array, dtype: string): Promise<number[]> {
  const size = dtype === "F32" ? 4 : 2;
  const values: number[] = [];
  for (let at = 0; at < data.length; at += size) {
    const header = { x: { dtype, shape: [], data_offsets: [0, size] } };
    const file = safetensors(header, size);
    file.set(data.subarray(at, at + size), file.length - size);
    values.push(await (await read(file)).scalar("x"));
  }
  return values;
}

describe("variants of tiny-vit", () => {
  it.each<[string, { module?: boolean; flash?: boolean; wrapped?: boolean }]>([
    ["with module.", { module: true }],
    ["without module.", {}],
    ["with flash attention", { flash: true, module: true }],
    ["with an optimizer's state", { wrapped: true }],
  ])("cn_clip's names, %s, as zip and in the legacy format", async (_, options) => {
    const tensors = cnClipTensors(await tinyTensors(), options);
    await expectTiny(zip(torchEntries(tensors, options)));
    await expectTiny(torchLegacy(tensors, options));
  });

  it("zip64, and an archive of any name", async () => {
    await expectTiny(zip(torchEntries(await tinyTensors(), { archive: "模型 (1)" }), { zip64: true }));
  });

  it("a deflated pickle", async () => {
    const entries = torchEntries(await tinyTensors());
    await expectTiny(zip(entries.map(([name, data]) => [name, data, name.endsWith("data.pkl") ? 8 : 0])));
  });

  it("cn_clip's names in safetensors", async () => {
    const tensors = cnClipTensors(await tinyTensors());
    await expectTiny(safetensorsOf(tensors));
  });

  it("projections as transposed views", async () => {
    const pickle = py.pickle(py.dict([py.str("text_projection.weight"), pickledTensor("F32", "0", 12, [3, 4], { stride: [1, 3] })]));
    expect((await read(bytesOfEntries(pickle, 48))).tensor("text_projection.weight", [3, 4])).toMatchObject({
      shape: [4, 3],
      transposed: true,
    });
    // cn_clip's name stands for the other way round, so twice turned is not turned.
    const twice = py.pickle(py.dict([py.str("text_projection"), pickledTensor("F32", "0", 12, [4, 3], { stride: [1, 4] })]));
    expect((await read(bytesOfEntries(twice, 48))).tensor("text_projection.weight", [3, 4])).toMatchObject({
      shape: [3, 4],
      transposed: false,
    });
  });

  it("axes of one index, whose strides say nothing, and views with an offset", async () => {
    const pickle = py.pickle(
      py.dict(
        [py.str("a"), pickledTensor("F32", "0", 12, [1, 3, 1], { stride: [77, 1, 5], offset: 9 })],
        [py.str("b"), pickledTensor("F16", "1", 1, [])],
        [py.str("c"), pickledTensor("F32", "0", 12, [0, 3], { stride: [9, 9] })],
      ),
    );
    const bytes = bytesOfEntries(pickle, 48, 2);
    const { tensors } = await read(bytes);
    expect(tensors.get("a")).toMatchObject({ shape: [1, 3, 1], byteLength: 12, transposed: false });
    expect(tensors.get("b")).toMatchObject({ dtype: "F16", shape: [], byteLength: 2 });
    expect(tensors.get("c")).toMatchObject({ shape: [0, 3], byteLength: 0 });
  });

  it("mixed number formats, and scalars in each", async () => {
    for (const [dtype, bits, value] of [
      ["F16", 0x4380, 3.75],
      ["F16", 0x8001, -(2 ** -24)],
      ["F16", 0xfc00, -Infinity],
      ["F16", 0x7e00, Number.NaN],
      ["BF16", 0x4093, 4.59375],
    ] as const) {
      const data = Uint8Array.of(bits & 255, bits >> 8);
      const bytes = zip(torchEntries(new Map([["logit_scale", { dtype, shape: [], data }]])));
      expect(await (await read(bytes)).scalar("logit_scale")).toBe(value);
    }
    const wide = safetensors({ logit_scale: { dtype: "F64", shape: [1], data_offsets: [0, 8] } }, 8);
    new DataView(wide.buffer).setFloat64(wide.length - 8, 1 / 3, true);
    expect(await (await read(wide)).scalar("logit_scale")).toBe(1 / 3);
  });
});

describe("shards", () => {
  const half = (name: string): Uint8Array => safetensors({ [name]: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4);
  const files = [memoryFile("1.safetensors", half("a")), memoryFile("2.safetensors", half("b"))];
  const index = (weightMap: unknown) => parseShardIndex({ metadata: {}, weight_map: weightMap }, "model.safetensors.index.json");

  it("are one checkpoint", async () => {
    const parsed = index({ a: "1.safetensors", b: "2.safetensors" });
    expect(parsed.files).toEqual(["1.safetensors", "2.safetensors"]);
    const { tensors } = await readCheckpoint(files, parsed);
    expect([...tensors].map(([name, { file }]) => [name, file])).toEqual([
      ["a", "1.safetensors"],
      ["b", "2.safetensors"],
    ]);
  });

  it("in torch's format, with cn_clip's ResNet told apart over all of them", async () => {
    const tensor: Tensor = { dtype: "F32", shape: [1], data: new Uint8Array(4) };
    const shard = (name: string) => memoryFile(`${name}.bin`, zip(torchEntries(new Map([[name, tensor]]))));
    const { tensors } = await readCheckpoint([shard("visual.conv1.weight"), shard("visual.layer1.0.conv1.weight")]);
    expect([...tensors.keys()]).toEqual(["visual.conv1.weight", "visual.layer1.0.conv1.weight"]);
  });

  it("are refused where one is missing, or a tensor is elsewhere", async () => {
    await expect(readCheckpoint(files.slice(0, 1), index({ a: "1.safetensors", b: "2.safetensors" }))).rejects.toMatchObject({
      code: "missing-file",
      details: { file: "2.safetensors", tensor: "b" },
    });
    await expect(readCheckpoint(files, index({ a: "2.safetensors", b: "2.safetensors" }))).rejects.toMatchObject({
      code: "malformed",
      message: expect.stringContaining("tensor a"),
    });
  });

  it.each([
    null,
    [],
    {},
    "x",
    { a: 1 },
    ...["../x", "/etc/passwd", "a/b", "a\\b", "C:x", ".", "..", ".x", "", "a\0b", "a\n", "x".repeat(300)].map((a) => ({ a })),
  ])("an index of %j is refused", (weightMap) => {
    expect(() => index(weightMap)).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});

describe("a file of 5 GB", () => {
  it("costs reads of its headers", async () => {
    const tensors = new Map<string, Tensor>();
    for (let i = 0; i < 40; i++) tensors.set(`layer.${i}`, { dtype: "F32", shape: [2], data: new Uint8Array(8).fill(i) });
    const { pieces, length } = zipPieces(torchEntries(tensors), {
      zip64: true,
      place: (name, at) => (name.includes("/data/") ? at + 128 * 1024 * 1024 : at),
    });
    expect(length).toBeGreaterThan(5e9);
    let bytesRead = 0;
    const { tensors: found } = await readCheckpoint([
      {
        name: "model.pt",
        byteLength: length,
        async read(start, end) {
          bytesRead += end - start;
          const bytes = new Uint8Array(end - start);
          for (const [at, piece] of pieces) {
            if (at < end && at + piece.length > start) {
              const from = Math.max(at, start);
              bytes.set(piece.subarray(from - at, Math.min(at + piece.length, end) - at), from - start);
            }
          }
          return bytes;
        },
      },
    ]);
    const headers = stateDict(tensors).length + 40 * 256;
    expect(bytesRead).toBeLessThan(headers + 10_000);
    for (const [i, { byteOffset }] of [...found.values()].entries())
      expect(pieces.find(([at]) => at === byteOffset)?.[1]).toEqual(new Uint8Array(8).fill(i));
  });

  it("in the legacy format likewise", async () => {
    const bytes = torchLegacy(new Map([["a", { dtype: "F32", shape: [1 << 20], data: new Uint8Array(1 << 22) }]]));
    const file = memoryFile("model.bin", bytes);
    await readCheckpoint([file]);
    expect(file.reads.reduce((sum, [start, end]) => sum + end - start, 0)).toBeLessThan(70_000);
  });
});
