/**
 * Texts whose padding is left out of the graph: features as the graph of all states has them, where nothing is left out, whatever is masked.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { checkpointGraphs, ChineseCLIPConfig, encodeGraph, type GraphTarget, readCheckpoint, type TowerOutputs } from "@chinese-clip/model";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const FOLDER = new URL("../../../fixtures/tiny-vit/", import.meta.url);
const FEATURES: TowerOutputs = { kind: "features" };
const STATES: TowerOutputs = { kind: "states", hiddenStates: false, attentions: false };

const bytes = new Uint8Array(await readFile(new URL("model.safetensors", FOLDER)));
const checkpoint = await readCheckpoint([
  { name: "model.safetensors", byteLength: bytes.length, read: async (start, end) => bytes.slice(start, end) },
]);
const config = ChineseCLIPConfig.fromJSON(JSON.parse(await readFile(new URL("config.json", FOLDER), "utf8")));
const graphs = (await checkpointGraphs(config))(checkpoint);

const modelOf = async (outputs: TowerOutputs, target?: GraphTarget): Promise<Uint8Array> =>
  (await encodeGraph(graphs.text(outputs), target)).model;
const leavesOut = async (outputs: TowerOutputs, target?: GraphTarget): Promise<boolean> =>
  new TextDecoder("latin1").decode(await modelOf(outputs, target)).includes("NonZero");

describe("a text graph without padding", () => {
  const sessions: InferenceSession[] = [];
  beforeAll(async () => {
    for (const outputs of [FEATURES, STATES]) {
      const session = { model_external_initializers_file_folder_path: fileURLToPath(FOLDER) };
      sessions.push(await InferenceSession.create(await modelOf(outputs), { logSeverityLevel: 3, extra: { session } }));
    }
  });
  afterAll(async () => {
    for (const session of sessions) await session.release();
  });

  it.each([
    { name: "padding at the end", masks: ["111111", "111000", "100000"] },
    { name: "no padding", masks: ["1111", "1111"] },
    { name: "one token", masks: ["1"] },
    { name: "holes", masks: ["101101", "110011"] },
    { name: "the class token masked", masks: ["011110", "010000"] },
    { name: "all tokens of a text masked", masks: ["000000", "111100", "000000"] },
  ])("gives the same features: $name", async ({ masks }) => {
    const dims = [masks.length, masks[0]?.length ?? 0];
    const mask = BigInt64Array.from([...masks.join("")], BigInt);
    const ids = BigInt64Array.from(mask, (_, i) => BigInt((i * 7 + 1) % config.textConfig.vocabSize));
    const feeds = {
      input_ids: new Tensor("int64", ids, dims),
      attention_mask: new Tensor("int64", mask, dims),
      token_type_ids: new Tensor("int64", new BigInt64Array(mask.length), dims),
    };
    const [packed, padded] = await Promise.all(sessions.map(async (session) => (await session.run(feeds))["text_features"]));
    expect(packed?.dims).toEqual(padded?.dims);
    for (const [i, value] of ((padded?.data ?? []) as Float32Array).entries()) expect(packed?.data[i]).toBeCloseTo(value, 5);
  });

  it("is the CPU's, and of features alone", async () => {
    expect(await leavesOut(FEATURES)).toBe(true);
    expect(await leavesOut(FEATURES, "gpu")).toBe(false);
    expect(await leavesOut(STATES)).toBe(false);
  });
});
