import { describe, expect, it } from "vitest";
import { buildTextGraph, ChineseCLIPConfig, type EncodedGraph, encodeGraph } from "../src/index.js";
import { type OnnxExportOptions, type Piece, planOnnxExport } from "../src/onnx.js";
import { encodeModel } from "../src/onnx/write/encode-model.js";
import { fixtureBytes, fixtureJson, tinyCheckpoint } from "./fixtures.js";
import { messages, readFields, strings } from "./protobuf-reader.js";

const config = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-vit/config.json"));
const stored = await fixtureBytes("tiny-vit/model.safetensors");
const text = await encodeGraph(await buildTextGraph(config.textConfig, await tinyCheckpoint(), { kind: "features" }, config.projectionDim));
const OPTIONS: OnnxExportOptions = { normalize: false, externalData: "auto", dataFile: "text.onnx.data", metadata: { source: "here" } };

/** What a file would hold. */
const filled = (pieces: readonly Piece[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(
      pieces.map((piece) => (piece instanceof Uint8Array ? piece : stored.subarray(piece.offset, piece.offset + piece.length))),
    ),
  );

/** A graph whose weights would take many bytes; nothing reads them. */
const sized = (bytes: number): EncodedGraph => ({
  model: encodeModel({
    name: "text",
    inputs: [{ name: "x", type: "float32", dims: ["batch"] }],
    outputs: [{ name: "text_features", type: "float32", dims: ["batch"] }],
    initializers: [1, 2].map((i) => ({
      name: `w${i}`,
      type: "float32",
      dims: [bytes / 8],
      data: { location: "w", offset: 0, length: bytes / 2 },
    })),
    nodes: [{ opType: "Sum", domain: "", inputs: ["x", "w1", "w2"], outputs: ["text_features"], attributes: {} }],
  }),
  files: ["w"],
  inputs: ["x"],
  outputs: ["text_features"],
  withExternalData: () => new Uint8Array(),
});

describe("planOnnxExport", () => {
  it("puts the weights' bytes into the model", async () => {
    const { model, data } = await planOnnxExport(text, OPTIONS);
    expect(data).toEqual([]);
    const file = readFields(filled(model));
    expect(messages(file, 14).map((entry) => [strings(entry, 1)[0], strings(entry, 2)[0]])).toEqual([["source", "here"]]);
    const graph = messages(file, 7)[0]!;
    const { tensors } = await tinyCheckpoint();
    const initializers = messages(graph, 5).filter((tensor) => tensors.has(strings(tensor, 8)[0]!));
    expect(initializers.length).toBeGreaterThan(50);
    for (const tensor of initializers) {
      const { byteOffset, byteLength } = tensors.get(strings(tensor, 8)[0]!)!;
      const raw = tensor.get(9) as Uint8Array[];
      expect(raw).toHaveLength(1);
      expect(Buffer.compare(raw[0]!, stored.subarray(byteOffset, byteOffset + byteLength))).toBe(0);
      expect(tensor.has(13)).toBe(false);
    }
    // All else is as it was.
    expect(graph.get(1)).toEqual(messages(readFields(text.model), 7)[0]!.get(1));
  });

  it("puts them into a data file, each at a page", async () => {
    const { model, data } = await planOnnxExport(text, { ...OPTIONS, externalData: true });
    const bytes = filled(data);
    const graph = messages(readFields(filled(model)), 7)[0]!;
    const { tensors } = await tinyCheckpoint();
    for (const tensor of messages(graph, 5).filter((message) => message.has(13))) {
      const [location, offset, length] = messages(tensor, 13).map((entry) => strings(entry, 2)[0]!);
      expect([location, Number(offset) % 4096]).toEqual(["text.onnx.data", 0]);
      const { byteOffset } = tensors.get(strings(tensor, 8)[0]!)!;
      const [here, there] = [bytes.subarray(Number(offset)), stored.subarray(byteOffset)];
      expect(Buffer.compare(here.subarray(0, Number(length)), there.subarray(0, Number(length)))).toBe(0);
    }
  });

  it("normalises with one operator more, and no name twice", async () => {
    const { model } = await planOnnxExport(text, { ...OPTIONS, normalize: true });
    const nodes = messages(messages(readFields(filled(model)), 7)[0]!, 1);
    expect(nodes.map((node) => strings(node, 4)[0]).slice(-2)).toEqual(["Identity", "LpNormalization"]);
    expect(strings(nodes.at(-1)!, 2)).toEqual(["text_features"]);
    const names = nodes.map((node) => strings(node, 3)[0]);
    expect(new Set(names).size).toBe(names.length);
  });

  it("goes beyond protobuf's 2 GiB with a data file only", async () => {
    const below = await planOnnxExport(sized(2 ** 31 - 4096), OPTIONS);
    expect(below.data).toEqual([]);
    const above = await planOnnxExport(sized(2 ** 31), OPTIONS);
    expect(above.data.map(({ length }) => length)).toEqual([2 ** 30, 2 ** 30]);
    await expect(planOnnxExport(sized(2 ** 31), { ...OPTIONS, externalData: false })).rejects.toThrow(RangeError);
    const huge = await planOnnxExport(sized(2 ** 33), OPTIONS);
    expect(filled(huge.model).length).toBeLessThan(1000);
  });
});
