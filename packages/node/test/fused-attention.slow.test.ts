/**
 * A GPU's fused attention is used where it is right. The graphs for GPUs run on the CPU here, whose operator is right, and is broken on purpose as
 * WebGPU's is on some adapters; where Chromium has brought a software GPU, WebGPU itself is asked.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { checkpointGraphs, ChineseCLIPConfig, encodeForDevice, readCheckpoint, type TryGraph } from "@chinese-clip/model";
import { InferenceSession } from "onnxruntime-node";
import { describe, expect, it } from "vitest";

const FOLDER = new URL("../../../fixtures/tiny-vit/", import.meta.url);
const CHROMIUM = "/usr/lib/chromium";
const SWIFTSHADER = `${CHROMIUM}/vk_swiftshader_icd.json`;
const bytes = new Uint8Array(await readFile(new URL("model.safetensors", FOLDER)));
const checkpoint = await readCheckpoint([
  { name: "model.safetensors", byteLength: bytes.length, read: async (start, end) => bytes.slice(start, end) },
]);
const config = ChineseCLIPConfig.fromJSON(JSON.parse(await readFile(new URL("config.json", FOLDER), "utf8")));
const graphs = (await checkpointGraphs(config))(checkpoint);

const onCpu: TryGraph = async (model, feeds) => {
  const session = await InferenceSession.create(model);
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
};

/** The CPU's result, changed at every index from one on. */
function broken(from: number, change: (value: number) => number): TryGraph {
  return async (model, feeds) => {
    const data = (await onCpu(model, feeds))["context"]?.data as Float32Array;
    return { context: { data: data.map((value, i) => (i < from ? value : change(value))) } };
  };
}

async function isFused(target: "gpu" | "gpu-half", tryGraph: TryGraph, tower: "text" | "vision" = "vision"): Promise<boolean> {
  const graph = tower === "text" ? graphs.text({ kind: "features" }) : graphs.vision({ kind: "features" }, false);
  return new TextDecoder("latin1").decode((await encodeForDevice(graph, target, tryGraph)).model).includes("MultiHeadAttention");
}

describe.each(["gpu", "gpu-half"] as const)("fused attention for %s", (target) => {
  it("is used where it is right", async () => {
    expect(await isFused(target, onCpu)).toBe(true);
  });

  it.each([
    { what: "3% off from the 33rd query on", from: 32 * 128, change: (value: number) => value * 1.03 + 0.02 },
    { what: "wrong in the last query", from: 69 * 128, change: () => 0.3 },
    { what: "not a number", from: 0, change: () => Number.NaN },
  ])("is not used where its result is $what", async ({ from, change }) => {
    expect(await isFused(target, broken(from, change))).toBe(false);
  });

  it("is not used where the device does not have it", async () => {
    expect(await isFused(target, () => Promise.reject(new Error("Could not find an implementation")))).toBe(false);
    expect(await isFused(target, () => Promise.resolve({}))).toBe(false);
  });

  it("is not tried for a graph that masks its keys", async () => {
    expect(await isFused(target, () => expect.unreachable("the text tower has a mask"), "text")).toBe(false);
  });
});

it.skipIf(!existsSync(SWIFTSHADER))("on WebGPU images have the CPU's embeddings", { timeout: 120_000 }, async () => {
  const script = fileURLToPath(new URL("webgpu-child.mjs", import.meta.url));
  // Chromium brings Vulkan's loader, too; the system may have none.
  const env = { ...process.env, VK_ICD_FILENAMES: SWIFTSHADER, LD_LIBRARY_PATH: CHROMIUM };
  const { stdout } = await promisify(execFile)(process.execPath, [script], { env });
  expect(Number(stdout)).toBeGreaterThan(0.9999);
});
