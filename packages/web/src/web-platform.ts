/**
 * The browser as a Platform: files over HTTP, `onnxruntime-web` in workers, the browser's own decoders.
 */
import type { GraphSession, TowerGraph } from "@chinese-clip/model";
import type { ImagePreprocessor, ModelOpener, Platform, PretrainedOptions, TowerConversion } from "@chinese-clip/pipeline";
import { openModel, type WebModelSource } from "./sources/open-model.js";
import type { OpenOptions, WebFiles } from "./sources/web-files.js";
import { createLocalPreprocessor, createWorkerPreprocessor } from "./image/image-preprocessor.js";
import type { ImageInput } from "./image/image-input.js";
import { imageLimits, type WebLimits } from "./image/image-limits.js";
import type { WasmPaths } from "./session/ort-session.js";
import { type BackendReport, createSession } from "./session/create-session.js";

/** Options of loading a model in a browser. All are per call; nothing is global. */
export interface WebPretrainedOptions extends Omit<OpenOptions, NodeOption | "device" | "limits"> {
  /** Where to compute. Default: WebGPU where there is a GPU, else WebAssembly. What is not available falls back; see `onBackend`. */
  readonly device?: "wasm" | "webgpu" | undefined;
  /**
   * Where ONNX Runtime's `.wasm` file is served, and its `.mjs` where that is not bundled: a folder's address with `/` at its end, or each file's.
   * Default: where the bundler put it.
   */
  readonly wasmPaths?: WasmPaths | undefined;
  /** Whether to compute in workers. Default true; false is for pages that may not start workers, and blocks the caller's thread. */
  readonly worker?: boolean | undefined;
  /** What an image may cost, as for `loadImage`. */
  readonly limits?: WebLimits | undefined;
  /** Called when a tower is loaded, with what it runs on. */
  readonly onBackend?: ((report: BackendReport) => void) | undefined;
}

/** The part of a {@link Platform} without images: a page that embeds texts only does not bundle their code. */
interface ModelPlatform extends ModelOpener<WebFiles, WebModelSource> {
  createSession(graph: TowerGraph, files: WebFiles, options: WebPretrainedOptions): Promise<GraphSession>;
  cacheTower(conversion: TowerConversion, files: WebFiles, options: WebPretrainedOptions): Promise<WebFiles>;
}

/** Options that only `@chinese-clip/node` has: a browser has caches, memory and rules of requests of its own. */
type NodeOption = "allowPrivateAddresses" | "cacheDir" | "decode" | "lowMemory" | "spin";

const NODE_OPTIONS: readonly NodeOption[] = ["allowPrivateAddresses", "cacheDir", "decode", "lowMemory", "spin"];

/**
 * Rejects what a browser would have to ignore.
 *
 * @throws TypeError - an option or a limit that only `@chinese-clip/node` has; RangeError - a limit below 1.
 */
export function checkOptions(options: WebPretrainedOptions): void {
  const given = NODE_OPTIONS.find((name) => (options as PretrainedOptions)[name] !== undefined);
  if (given !== undefined) throw new TypeError(`fromPretrained: expected no ${given}, an option of @chinese-clip/node, in a browser`);
  imageLimits(options.limits);
}

const DEVICES: readonly string[] = ["wasm", "webgpu"];

/** This browser. */
export const modelPlatform: ModelPlatform = {
  openModel,

  async checkDevice(device) {
    if (device !== undefined && !DEVICES.includes(device))
      throw new RangeError(`fromPretrained: expected device to be one of ${DEVICES.join(", ")}, got ${JSON.stringify(device)}`);
  },

  createSession: (graph, files, { device, dtype, numThreads, wasmPaths, sessionOptions, worker = true, onBackend, onProgress }) =>
    createSession(graph, files, {
      device,
      half: dtype === "fp16",
      numThreads,
      wasmPaths,
      sessionOptions,
      worker,
      onBackend,
      onProgress,
    }),

  cacheTower: async (conversion, files, options) => (await import("./sources/converted-tower.js")).cacheTower(conversion, files, options),
};

/** This browser, with images. A function, so that a bundler can leave it out. */
export function imagePlatform(): ModelPlatform & Pick<Platform<ImageInput>, "createImagePreprocessor"> {
  return {
    ...modelPlatform,
    createImagePreprocessor(
      imageProcessor,
      { worker = true, autoOrient = false, limits }: WebPretrainedOptions,
    ): ImagePreprocessor<ImageInput> {
      const create = worker ? createWorkerPreprocessor : createLocalPreprocessor;
      return create(imageProcessor, { autoOrient, limits: imageLimits(limits) });
    },
  };
}
