/**
 * A platform without files, threads or a runtime: tiny-vit's small files, and towers whose features are simple functions of their
 * inputs, so that every result can be worked out by hand.
 */
import { readdir, readFile } from "node:fs/promises";
import { Tensor } from "onnxruntime-common";
import type { ImagePreprocessor, ModelFiles, Platform } from "../src/index.js";

const TINY = new URL("../../../fixtures/tiny-vit/", import.meta.url);

/** Pictures are numbers; a negative one cannot be read. */
export type FakeImage = number;

export interface FakePlatform extends Platform<FakeImage> {
  /** Rows of each run of a tower, in order. */
  readonly textRuns: number[];
  readonly imageRuns: number[];
  /** How many pictures are being decoded, and the most that ever were. */
  readonly decoding: { now: number; most: number };
  /** Fails the next run of a tower with this error. */
  failNext: Error | undefined;
  /** Pictures whose memory was given back; it is overwritten at once. */
  recycled: number;
  disposed: number;
}

/** @param changes - files to add, replace, or (undefined) leave out. */
export function fakePlatform(changes: Readonly<Record<string, string | undefined>> = {}): FakePlatform {
  const files: ModelFiles = {
    source: "fake",
    async list() {
      const names = new Set(await readdir(TINY));
      for (const [name, text] of Object.entries(changes)) {
        if (text === undefined) names.delete(name);
        else names.add(name);
      }
      return [...names];
    },
    async readText(name) {
      if (name in changes) return changes[name];
      return name.startsWith("tokenizer") ? undefined : readFile(new URL(name, TINY), "utf8").catch(() => undefined);
    },
    async open(name) {
      const found = name in changes ? undefined : await readFile(new URL(name, TINY)).catch(() => undefined);
      if (found === undefined) return undefined;
      const bytes = new Uint8Array(found);
      return { name, byteLength: bytes.length, read: async (start, end) => bytes.slice(start, end) };
    },
  };
  const platform: FakePlatform = {
    textRuns: [],
    imageRuns: [],
    decoding: { now: 0, most: 0 },
    failNext: undefined,
    recycled: 0,
    disposed: 0,
    async checkDevice(device) {
      if (device !== undefined && device !== "cpu") throw new RangeError(`expected device "cpu", got ${device}`);
    },
    openModel: async () => files,
    async createSession(graph) {
      return {
        async run(feeds) {
          const failure = platform.failNext;
          platform.failNext = undefined;
          if (failure !== undefined) throw failure;
          const [[name = "", tensor] = []] = Object.entries(feeds);
          const rows = tensor?.dims[0] ?? 0;
          (name === "input_ids" ? platform.textRuns : platform.imageRuns).push(rows);
          const width = (tensor?.size ?? 0) / rows;
          const features = new Float32Array(rows * 40);
          for (let row = 0; row < rows; row++)
            features.set(direction(Number(tensor?.data[row * width + (name === "input_ids" ? 1 : 0)])), row * 40);
          return { [graph.outputs[0] ?? ""]: new Tensor("float32", features, [rows, 40]) };
        },
        async dispose() {
          platform.disposed++;
        },
      };
    },
    cacheTower: async () => files,
    createImagePreprocessor(): ImagePreprocessor<FakeImage> {
      return {
        async preprocess(given, { signal } = {}) {
          const image = typeof given === "number" ? given : 0;
          platform.decoding.now++;
          platform.decoding.most = Math.max(platform.decoding.most, platform.decoding.now);
          await new Promise((resolve) => setTimeout(resolve, image % 3));
          platform.decoding.now--;
          signal?.throwIfAborted();
          if (image < 0) throw new Error(`picture ${image}`);
          return { pixelValues: new Float32Array(3 * 32 * 32).fill(image), dims: [3, 32, 32] };
        },
        recycle({ pixelValues }) {
          pixelValues.fill(Number.NaN);
          platform.recycled++;
        },
        async dispose() {
          platform.disposed++;
        },
      };
    },
  };
  return platform;
}

/** The feature of a text whose first id, or a picture whose number, is `n`: not normalised, its angle in one plane growing with n. */
export function direction(n: number): Float32Array {
  const feature = new Float32Array(40);
  feature[0] = 3 * Math.cos(n / 100);
  feature[1] = 3 * Math.sin(n / 100);
  return feature;
}
