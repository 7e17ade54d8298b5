/** Reads what the tests train: the tiny checkpoints and the goldens of training. */
import { readFile } from "node:fs/promises";
import {
  buildTextGraph,
  buildVisionGraph,
  type Checkpoint,
  ChineseCLIPConfig,
  type Graph,
  parseCnClipConfig,
  readCheckpoint,
} from "@chinese-clip/model";

const FIXTURES = new URL("../../../fixtures/", import.meta.url);

/** A tensor of a safetensors file. */
export interface GoldenTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export async function goldenTensors(path: string): Promise<ReadonlyMap<string, GoldenTensor>> {
  const bytes = new Uint8Array(await readFile(new URL(path, FIXTURES)));
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header).flatMap(([name, { dtype, shape, data_offsets: offsets }]) => {
      if (name === "__metadata__") return [];
      const { buffer } = bytes.slice(start + offsets[0], start + offsets[1]);
      return [[name, { dims: shape, data: dtype === "I64" ? new BigInt64Array(buffer) : new Float32Array(buffer) }]];
    }),
  );
}

export async function goldenJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(path, FIXTURES), "utf8"));
}

/** A tiny model: configuration, weights and both towers' graphs. */
export interface TinyModel {
  readonly config: ChineseCLIPConfig;
  readonly checkpoint: Checkpoint;
  readonly text: Graph;
  readonly vision: Graph;
}

export async function tinyModel(name: "tiny-vit" | "tiny-rn50"): Promise<TinyModel> {
  const file = name === "tiny-vit" ? "model.safetensors" : "clip_cn_tiny-rn50.pt";
  const bytes = new Uint8Array(await readFile(new URL(`${name}/${file}`, FIXTURES)));
  const read = async (start: number, end: number): Promise<Uint8Array> => bytes.slice(start, end);
  const checkpoint = await readCheckpoint([{ name: file, byteLength: bytes.byteLength, read }]);
  const config =
    name === "tiny-vit"
      ? ChineseCLIPConfig.fromJSON(await goldenJson(`${name}/config.json`))
      : await parseCnClipConfig(await goldenJson(`${name}/text_model_config.json`), await goldenJson(`${name}/vision_model_config.json`));
  return {
    config,
    checkpoint,
    text: await buildTextGraph(config.textConfig, checkpoint, { kind: "features" }, config.projectionDim),
    vision: await buildVisionGraph(config.visionConfig, checkpoint, { kind: "features" }, config.projectionDim),
  };
}

/** `|a - b| / |b|`. */
export function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
