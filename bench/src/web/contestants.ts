/**
 * Both sides as a page has them: each loads its model over HTTP from the page's own server, and computes on WebAssembly with the same threads.
 */
import { ChineseCLIP, Tensor, type WebPretrainedOptions } from "@chinese-clip/web";
import { normalized } from "../agreement.js";

/** A model in a page. All rows are L2-normalised. */
export interface PageEmbedder {
  embedText(text: string): Promise<Float32Array>;
  /** @param pixels - float32 `[1, 3, side, side]`. */
  embedPixels(pixels: Float32Array, side: number): Promise<Float32Array>;
  /** From the bytes of a file, decoded and resized by each side's own means. */
  embedImage(image: Blob): Promise<Float32Array>;
  dispose(): Promise<unknown>;
}

/** What to load. */
export interface ContestantSource {
  readonly side: "ours" | "peer";
  readonly dtype: "fp32" | "q8";
  /** The model's folder on the server. */
  readonly path: string;
  /** Of WebAssembly. */
  readonly threads: number;
  /** Whether the page keeps the model in the browser's cache. Default false. */
  readonly cache?: boolean;
}

/** As much of transformers.js as is used. */
interface TransformersJs {
  readonly env: {
    localModelPath: string;
    allowRemoteModels: boolean;
    allowLocalModels: boolean;
    useBrowserCache: boolean;
    useWasmCache: boolean;
    readonly backends: { readonly onnx: { readonly wasm: { numThreads: number; wasmPaths: object } } };
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: number[]) => object;
  readonly RawImage: { fromBlob(blob: Blob): Promise<object> };
  readonly AutoTokenizer: { from_pretrained(name: string, options: object): Promise<(texts: string[], options: object) => object> };
  readonly AutoImageProcessor: { from_pretrained(name: string, options: object): Promise<(image: object) => Promise<object>> };
  readonly ChineseCLIPModel: { from_pretrained(name: string, options: object): Promise<PeerModel> };
}

interface PeerModel {
  (inputs: object): Promise<{ readonly text_embeds: PeerRows; readonly image_embeds: PeerRows }>;
  dispose(): Promise<unknown>;
}

interface PeerRows {
  readonly data: Float32Array;
}

const SIDE = 224;

/** Loads one side in one dtype, as far as its `from_pretrained` does; the first run does the rest. */
export function loadContestant(source: ContestantSource): Promise<PageEmbedder> {
  return source.side === "ours" ? loadOurs(source) : loadPeer(source);
}

async function loadOurs({ dtype, path, threads, cache = false }: ContestantSource): Promise<PageEmbedder> {
  const options: WebPretrainedOptions = { dtype, device: "wasm", numThreads: threads, wasmPaths: "/ort/", cache };
  const clip = await ChineseCLIP.fromPretrained(path, options);
  const dim = clip.model.config.projectionDim;
  return {
    embedText: async (text) => (await clip.embedText(text)).data,
    async embedPixels(pixels, side) {
      const features = await clip.model.getImageFeatures({ pixelValues: new Tensor("float32", pixels, [1, 3, side, side]) });
      return normalized(features.data as Float32Array, dim);
    },
    embedImage: async (image) => (await clip.embedImage(image)).data,
    dispose: () => clip.dispose(),
  };
}

/** Its graph has both towers, and each run wants an input for both: the other one's is the least that one can give. */
async function loadPeer({ dtype, path, threads, cache = false }: ContestantSource): Promise<PageEmbedder> {
  const peer = "/bench/peer.js"; // not for the bundler
  const { env, AutoTokenizer, AutoImageProcessor, ChineseCLIPModel, RawImage, Tensor: PeerTensor } = (await import(peer)) as TransformersJs;
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.useBrowserCache = cache;
  env.useWasmCache = cache;
  env.localModelPath = "/";
  const { wasm } = env.backends.onnx;
  wasm.numThreads = threads;
  const build = new URL("/peer-ort/ort-wasm-simd-threaded.asyncify", location.href).href;
  wasm.wasmPaths = { mjs: `${build}.mjs`, wasm: `${build}.wasm` };
  const name = path.replaceAll("/", "");
  const tokenize = await AutoTokenizer.from_pretrained(name, {});
  const preprocess = await AutoImageProcessor.from_pretrained(name, {});
  const model = await ChineseCLIPModel.from_pretrained(name, { dtype, device: "wasm", use_external_data_format: true });
  const tokens = (text: string): object => tokenize([text], { padding: true, truncation: true });
  const tensor = (pixels: Float32Array, side: number): object => new PeerTensor("float32", pixels, [1, 3, side, side]);
  const noText = tokens("图");
  const noImage = tensor(new Float32Array(3 * SIDE * SIDE), SIDE);
  return {
    embedText: async (text) => (await model({ ...tokens(text), pixel_values: noImage })).text_embeds.data,
    embedPixels: async (pixels, side) => (await model({ ...noText, pixel_values: tensor(pixels, side) })).image_embeds.data,
    embedImage: async (image) => (await model({ ...noText, ...(await preprocess(await RawImage.fromBlob(image))) })).image_embeds.data,
    dispose: () => model.dispose(),
  };
}
