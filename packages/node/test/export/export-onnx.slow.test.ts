/**
 * Exports, run in plain `onnxruntime-node` as a user of the file would, against the model that they were made of.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChineseCLIPModel, exportOnnx, type LoadProgress, Tensor } from "../../dist/index.js";
import { maxDifference } from "../safetensors-fixture.js";

const fixture = (name: string): string => fileURLToPath(new URL(`../../../../fixtures/${name}`, import.meta.url));

const ids = (batch: number, length: number): Tensor =>
  new Tensor(
    "int64",
    BigInt64Array.from({ length: batch * length }, (_, i) => BigInt((i * 37) % 200)),
    [batch, length],
  );
const filled = ({ dims, size }: Tensor, value: bigint): Tensor => new Tensor("int64", new BigInt64Array(size).fill(value), dims);
const pixels = (batch: number, size: number): Tensor =>
  new Tensor(
    "float32",
    Float32Array.from({ length: batch * 3 * size * size }, (_, i) => Math.sin(i * 0.37)),
    [batch, 3, size, size],
  );

function normalized(features: Tensor): Tensor {
  const [rows = 0, columns = 0] = features.dims;
  const data = new Float32Array(features.data as Float32Array);
  for (let row = 0; row < rows; row++) {
    const part = data.subarray(row * columns, (row + 1) * columns);
    const norm = Math.hypot(...part);
    part.forEach((value, i) => (part[i] = value / norm));
  }
  return new Tensor("float32", data, features.dims);
}

/** Runs one file on what of the feeds it takes. */
async function run(path: string, feeds: Record<string, Tensor>): Promise<Tensor> {
  const session = await InferenceSession.create(path);
  const taken = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as Tensor]));
  const { [session.outputNames[0] ?? ""]: output } = await session.run(taken);
  await session.release();
  return output as Tensor;
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1);

let root: string;
let count = 0;
const target = (): string => join(root, String(count++));
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "chinese-clip-"));
});
afterAll(() => rm(root, { recursive: true }));

describe.each([
  ["tiny-vit", 32],
  ["tiny-ofa-vit", 32],
  ["tiny-rn50", 64],
  ["tiny-onnx", 32],
] as const)("exportOnnx of %s", (name, size) => {
  it.each([
    { normalize: false, externalData: "auto" },
    { normalize: true, externalData: true },
  ] as const)("equals the model at batch 1 and 7: %j", async (options) => {
    const folder = target();
    const paths = await exportOnnx(fixture(name), folder, options);
    const names =
      options.externalData === true ? ["text.onnx", "text.onnx.data", "vision.onnx", "vision.onnx.data"] : ["text.onnx", "vision.onnx"];
    expect((await readdir(folder)).toSorted(byName)).toEqual(names);
    expect([...paths].toSorted(byName)).toEqual(names.map((file) => join(folder, file)));
    await using model = await ChineseCLIPModel.fromPretrained(fixture(name));
    const wanted = (features: Tensor): Tensor => (options.normalize ? normalized(features) : features);
    for (const [batch, length] of [
      [1, 5],
      [7, 12],
    ] as const) {
      // prettier-ignore
      const inputIds = ids(batch, length);
      const text = { input_ids: inputIds, attention_mask: filled(inputIds, 1n), token_type_ids: filled(inputIds, 0n) };
      expect(maxDifference(await run(join(folder, "text.onnx"), text), wanted(await model.getTextFeatures({ inputIds })))).toBeLessThan(
        1e-5,
      );
      const pixelValues = pixels(batch, size);
      const features = wanted(await model.getImageFeatures({ pixelValues }));
      expect(maxDifference(await run(join(folder, "vision.onnx"), { pixel_values: pixelValues }), features)).toBeLessThan(1e-5);
    }
  });
});

describe("exportOnnx", () => {
  it("writes a Triton model repository", async () => {
    const folder = target();
    await exportOnnx(fixture("tiny-vit"), folder, { triton: true, maxBatchSize: 16 });
    expect((await readdir(folder, { recursive: true })).toSorted(byName)).toEqual([
      "text",
      "text/1",
      "text/1/model.onnx",
      "text/config.pbtxt",
      "vision",
      "vision/1",
      "vision/1/model.onnx",
      "vision/config.pbtxt",
    ]);
    const vision = await readFile(join(folder, "vision/config.pbtxt"), "utf8");
    expect(vision).toBe(`name: "vision"
backend: "onnxruntime"
max_batch_size: 16
input [
  {
    name: "pixel_values"
    data_type: TYPE_FP32
    dims: [ 3, 32, 32 ]
  }
]
output [
  {
    name: "image_features"
    data_type: TYPE_FP32
    dims: [ 40 ]
  }
]
dynamic_batching { }
`);
    // What the configuration says is what the graph takes.
    const text = await readFile(join(folder, "text/config.pbtxt"), "utf8");
    const session = await InferenceSession.create(join(folder, "text/1/model.onnx"));
    for (const input of [...session.inputNames, ...session.outputNames]) expect(text).toContain(`name: "${input}"`);
    expect(text.match(/name: /g)).toHaveLength(1 + session.inputNames.length + session.outputNames.length);
    await session.release();
  });

  it("writes only the towers asked for, and says how far it is", async () => {
    const folder = target();
    const events: LoadProgress[] = [];
    await exportOnnx(fixture("tiny-vit"), new URL(`file://${folder}`), { towers: ["text"], onProgress: (event) => events.push(event) });
    expect(await readdir(folder)).toEqual(["text.onnx"]);
    expect(events.map(({ status }) => status)).toEqual(expect.arrayContaining(["initiate", "progress", "done", "ready"]));
    const last = events.findLast((event) => event.status === "progress");
    expect(last).toMatchObject({ file: "text.onnx", progress: 100 });
  });

  it("leaves nothing behind when it is stopped, and what was there as it was", async () => {
    const folder = target();
    await exportOnnx(fixture("tiny-vit"), folder, { towers: ["text"] });
    const before = await readFile(join(folder, "text.onnx"));
    const controller = new AbortController();
    const stopped = exportOnnx(fixture("tiny-ofa-vit"), folder, {
      signal: controller.signal,
      onProgress: (event) => {
        if (event.status === "progress" && event.file === "vision.onnx") controller.abort(new Error("enough"));
      },
    });
    await expect(stopped).rejects.toThrow("enough");
    expect(await readdir(folder)).toEqual(["text.onnx"]);
    expect(await readFile(join(folder, "text.onnx"))).toEqual(before);
  });

  it("fails where the folder is a file", async () => {
    const path = target();
    await writeFile(path, "");
    await expect(exportOnnx(fixture("tiny-vit"), path)).rejects.toThrow(/EEXIST|ENOTDIR/);
  });

  it.each([
    [{ towers: [] }, /towers/],
    [{ towers: ["audio" as "text"] }, /towers/],
    [{ externalData: "yes" as "auto" }, /externalData/],
    [{ maxBatchSize: 0 }, /maxBatchSize/],
    [{ dtype: "fp16" as "fp32" }, /dtype/],
  ])("refuses %j", async (options, message) => {
    const result = exportOnnx(fixture("tiny-vit"), target(), options);
    await expect(result).rejects.toThrow(RangeError);
    await expect(result).rejects.toThrow(message);
  });
});
