import { describe, expect, it } from "vitest";
import { checkpointGraphs, ChineseCLIPConfig, encodeGraph, packWeights, type TowerGraph, readCheckpoint } from "../src/index.js";
import { readOnnx } from "../src/onnx/read/read-onnx.js";
import { fixtureBytes, fixtureJson, memoryFile } from "./fixtures.js";

const config = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-vit/config.json"));
const file = memoryFile("model.safetensors", await fixtureBytes("tiny-vit/model.safetensors"));
const graphs = (await checkpointGraphs(config))(await readCheckpoint([file]));

/** Every weight of a graph, by name. */
async function weightsOf(model: Uint8Array): Promise<Map<string, { location: string; offset: number; length: number }>> {
  const read = await readOnnx({ name: "graph", byteLength: model.length, read: async (start, end) => model.slice(start, end) });
  return new Map([...read.initializers].flatMap(([name, { data }]) => (data instanceof Uint8Array ? [] : [[name, data]])));
}

describe("packWeights", () => {
  it.each([
    ["text", graphs.text({ kind: "features" })],
    ["vision", graphs.vision({ kind: "features" }, false)],
  ] as [string, TowerGraph][])("puts the %s tower's weights, and no other byte, into a buffer", async (_, graph) => {
    const { model, buffers } = packWeights(await encodeGraph(graph));
    const [buffer] = buffers;
    expect(buffers).toHaveLength(1);
    const bytes = new Uint8Array(buffer?.byteLength ?? 0);
    let filled = 0;
    for (const { at, offset, length } of buffer?.ranges ?? []) {
      expect(at).toBe(filled);
      bytes.set(await file.read(offset, offset + length), at);
      filled += length;
    }
    expect(filled).toBe(bytes.length);
    const [packed, stored] = [await weightsOf(model), await weightsOf((await encodeGraph(graph)).model)];
    expect([...packed.keys()]).toEqual([...stored.keys()]);
    expect(packed.size).toBeGreaterThan(30);
    for (const [name, { location, offset, length }] of packed) {
      expect(location).toBe(buffer?.name);
      const there = stored.get(name) ?? { offset: 0, length: 0 };
      // Vitest compares bytes one by one, which takes a while.
      const expected = await file.read(there.offset, there.offset + there.length);
      expect(Buffer.compare(bytes.subarray(offset, offset + length), expected), name).toBe(0);
    }
  });
});
