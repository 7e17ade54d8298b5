/**
 * The graphs for GPUs, in float32 and in half precision, on the CPU, which has all their operators: against transformers' features, and, in 8
 * and 4 bits, against the same weights in the CPU's own operators.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkpointGraphs,
  ChineseCLIPConfig,
  type EncodedGraph,
  encodeGraph,
  type GraphTarget,
  readCheckpoint,
  type TowerDtype,
  type TowerGraphs,
} from "@chinese-clip/model";
import { planTower, type TowerFile, type WeightIntegers } from "@chinese-clip/model/quantize";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rowCosines } from "./row-cosines.js";
import { readTensors } from "./safetensors-fixture.js";

const FOLDER = fileURLToPath(new URL("../../../fixtures/tiny-vit/", import.meta.url));
const golden = await readTensors(new URL("../../../fixtures/tiny-vit/expected.safetensors", import.meta.url));
const config = ChineseCLIPConfig.fromJSON(JSON.parse(await readFile(join(FOLDER, "config.json"), "utf8")));
const bytes = new Uint8Array(await readFile(join(FOLDER, "model.safetensors")));
const checkpoint = await readCheckpoint([
  { name: "model.safetensors", byteLength: bytes.length, read: async (start, end) => bytes.slice(start, end) },
]);
const graphsOf = await checkpointGraphs(config);

const feeds = {
  text: {
    input_ids: golden.get("input_ids"),
    attention_mask: golden.get("attention_mask"),
    token_type_ids: new Tensor("int64", new BigInt64Array(golden.get("input_ids").data.length), golden.get("input_ids").dims),
  },
  vision: { pixel_values: golden.get("pixel_values") },
};

function graphFor(target: GraphTarget, graphs: TowerGraphs, tower: "text" | "vision"): Promise<EncodedGraph> {
  return encodeGraph(tower === "text" ? graphs.text({ kind: "features" }) : graphs.vision({ kind: "features" }, false), target);
}

async function features(
  graph: EncodedGraph,
  folder: string,
  tower: "text" | "vision",
  settings: Readonly<Record<string, string>> = {},
): Promise<Float32Array> {
  const session = await InferenceSession.create(graph.model, {
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: folder, ...settings } },
  });
  const outputs = await session.run(feeds[tower]);
  await session.release();
  return outputs[graph.outputs[0] ?? ""]?.data as Float32Array;
}

describe.each(["text", "vision"] as const)("the %s tower's graph for a GPU", (tower) => {
  const name = tower === "text" ? "text_features" : "image_features";
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "chinese-clip-gpu-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("gives the golden features in float32", async () => {
    const actual = await features(await graphFor("gpu", graphsOf(checkpoint), tower), FOLDER, tower);
    const expected = golden.get(name).data as Float32Array;
    const greatest = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? Number.NaN))), 0);
    expect(greatest).toBeLessThan(1e-4);
  });

  it("in half precision is within a cosine of 0.9999, and leaves the graph as it was for the CPU", async () => {
    const graphs = graphsOf(checkpoint);
    const graph = tower === "text" ? graphs.text({ kind: "features" }) : graphs.vision({ kind: "features" }, false);
    const { model: before } = await encodeGraph(graph);
    const half = await encodeGraph(graph, "gpu-half");
    expect(
      Math.min(...rowCosines(await features(half, FOLDER, tower), golden.get(name).data as Float32Array, config.projectionDim)),
    ).toBeGreaterThan(0.9999);
    expect((await encodeGraph(graph, "cpu")).model).toEqual(before);
  });

  async function written(dtype: TowerDtype, integers?: WeightIntegers): Promise<TowerFile> {
    const file = planTower(checkpoint, tower, dtype, `${tower}.${dtype}.${integers ?? "int8"}.safetensors`, integers);
    const parts: Uint8Array[] = [];
    for await (const chunk of file.chunks()) parts.push(chunk.slice());
    await writeFile(join(folder, file.name), Buffer.concat(parts));
    return file;
  }

  it.each(["q8", "q4"] as const)("in %s computes the same to the bit from weights in uint8, on a CPU and on a GPU", async (dtype) => {
    const [int8, uint8] = [await written(dtype), await written(dtype, "uint8")];
    for (const target of ["cpu", "gpu"] as const) {
      const graphs = await Promise.all([int8, uint8].map((file) => graphFor(target, graphsOf(file.checkpoint), tower)));
      const [expected, actual] = await Promise.all(graphs.map((graph) => features(graph, folder, tower, target === "cpu" ? { x64quantprecision: "1" } : {}))); // prettier-ignore
      expect(actual).toEqual(expected);
      expect(new Set(expected).size).toBeGreaterThan(config.projectionDim);
    }
  });

  it.each([
    ["q8", 0.999],
    ["q4", 0.99],
  ] as const)("in %s is the tower that the CPU computes", async (dtype, bound) => {
    const file = await written(dtype);
    const graph = (target: GraphTarget): Promise<EncodedGraph> => graphFor(target, graphsOf(file.checkpoint), tower);
    // Exact products of 8 bits on processors without VNNI, too, as sessions of the package have them.
    const expected = await features(await graph("cpu"), folder, tower, { x64quantprecision: "1" });
    expect(Math.min(...rowCosines(await features(await graph("gpu"), folder, tower), expected, config.projectionDim))).toBeGreaterThan(
      bound,
    );
    expect(Math.min(...rowCosines(await features(await graph("gpu-half"), folder, tower), expected, config.projectionDim))).toBeGreaterThan(
      bound,
    );
    // Products of integers, and attention in one operator, are not WebGPU's.
    const text = new TextDecoder("latin1").decode((await graph("gpu")).model);
    for (const operator of ["MatMulIntegerToFloat", "QuantizeLinear", "MultiHeadAttention"])
      expect(text.replaceAll("DequantizeLinear", "")).not.toContain(operator);
  });
});
