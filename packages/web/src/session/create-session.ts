/**
 * A graph and its weights, loaded when first run. What fails is discarded whole, so that a failed call does not affect the next one: the next
 * call loads again, on WebAssembly if it was WebGPU that failed.
 */
import { encodeForDevice, type GraphSession, type GraphTarget, packWeights, type TowerGraph } from "@chinese-clip/model";
import {
  fromPlainTensors,
  InferenceError,
  type LoadProgress,
  type PlainTensors,
  toPlainTensors,
  WorkerError,
} from "@chinese-clip/pipeline";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { copyInto } from "../http/byte-ranges.js";
import type { WebFiles } from "../sources/web-files.js";
import { chooseDevice, type DeviceChoice, type Fallback, type FallbackCode, webGpuFailure } from "./choose-device.js";
import type { SessionParts, WasmPaths } from "./ort-session.js";
import type { RuntimeBytes } from "./runtime-download.js";
import { type SessionThread, startHere, startWorker } from "./session-thread.js";

/** What a session runs on. */
export interface BackendReport {
  /** The session's output, which tells the tower: `text_features`, `image_features`, or a backbone's `last_hidden_state`. */
  readonly output: string;
  /** `"webgpu"` or `"wasm"`. */
  readonly device: "wasm" | "webgpu";
  /** Threads of WebAssembly: 1 unless the page is cross-origin isolated. */
  readonly threads: number;
  /** Why not on WebGPU, unless WebAssembly was asked for: an English sentence. */
  readonly reason?: string;
  /** The kind of `reason`, for a page that shows it in another language. */
  readonly reasonCode?: FallbackCode;
}

/** How sessions are made. */
export interface SessionSettings {
  readonly device: "wasm" | "webgpu" | undefined;
  /** Whether to compute in half precision where the GPU does. */
  readonly half: boolean;
  readonly numThreads: number | undefined;
  readonly wasmPaths: WasmPaths | undefined;
  readonly sessionOptions: InferenceSession.SessionOptions | undefined;
  /** Whether to compute in a worker. */
  readonly worker: boolean;
  readonly onBackend: ((report: BackendReport) => void) | undefined;
  readonly onProgress: ((event: LoadProgress) => void) | undefined;
}

/** Reads a graph's weights and loads it. */
export async function createSession(graph: TowerGraph, files: WebFiles, settings: SessionSettings): Promise<GraphSession> {
  const session = new FallbackRunner(graph, files, settings);
  await session.load();
  return session;
}

/** A thread with its session, and what that runs on. */
interface Loaded {
  readonly device: "wasm" | "webgpu";
  readonly thread: SessionThread;
}

/** A run that failed on a GPU. */
class GpuFailure extends Error {}

/** Tokens of an image that a thread computes at once on WebAssembly, which never gives memory back. */
const TOKENS_PER_THREAD = 300;

class FallbackRunner implements GraphSession {
  maxTokensPerRun: number | undefined;
  readonly #graph: TowerGraph;
  readonly #files: WebFiles;
  readonly #settings: SessionSettings;
  #loaded: Promise<Loaded> | undefined;
  #gpuFailure: Fallback | undefined;
  #isDisposed = false;

  constructor(graph: TowerGraph, files: WebFiles, settings: SessionSettings) {
    this.#graph = graph;
    this.#files = files;
    this.#settings = settings;
  }

  /** Loads the session unless it is loaded. */
  load(): Promise<Loaded> {
    if (this.#isDisposed) return Promise.reject(new WorkerError("disposed", "session: expected a live session, but dispose was called"));
    if (this.#loaded === undefined) {
      const loading = this.#create();
      this.#loaded = loading;
      loading.catch(() => {
        if (this.#loaded === loading) this.#loaded = undefined;
      });
    }
    return this.#loaded;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    const plain = toPlainTensors(feeds);
    const outputs = await this.#run(plain).catch((error: unknown) => {
      // What a GPU cannot compute, WebAssembly may.
      if (!(error instanceof GpuFailure) || this.#isDisposed) throw error;
      return this.#run(plain);
    });
    return fromPlainTensors(outputs);
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const loaded = await this.#loaded?.catch(() => undefined);
    this.#loaded = undefined;
    await loaded?.thread.dispose();
  }

  async #run(feeds: PlainTensors): Promise<PlainTensors> {
    const loading = this.load();
    const { thread, device } = await loading;
    try {
      return await thread.run(feeds);
    } catch (error) {
      // Outputs that are not finite are the weights' fault, not the session's; in half precision also the GPU's.
      if (device === "wasm" && error instanceof InferenceError && error.code === "not-finite") throw error;
      if (this.#loaded === loading && !this.#isDisposed) {
        this.#loaded = undefined;
        await thread.dispose().catch(() => undefined);
      }
      if (device === "wasm" || this.#isDisposed) throw error;
      this.#gpuFailure = webGpuFailure(error);
      throw new GpuFailure(this.#gpuFailure.reason, { cause: error });
    }
  }

  async #create(): Promise<Loaded> {
    const { device, half } = this.#settings;
    const choice: DeviceChoice =
      this.#gpuFailure === undefined ? await chooseDevice(device) : { device: "wasm", fallback: this.#gpuFailure };
    if (choice.device === "wasm") return this.#createOn("wasm", "cpu", choice.fallback);
    try {
      return await this.#createOn("webgpu", half && choice.half ? "gpu-half" : "gpu", undefined);
    } catch (error) {
      // Weights that cannot be read are no failure of the GPU.
      if (!(error instanceof GpuFailure)) throw error;
      this.#gpuFailure = webGpuFailure(error.cause);
      return this.#createOn("wasm", "cpu", this.#gpuFailure);
    }
  }

  async #createOn(device: "wasm" | "webgpu", target: GraphTarget, fallback: Fallback | undefined): Promise<Loaded> {
    const { numThreads, wasmPaths, worker, onBackend } = this.#settings;
    const settings = { numThreads, wasmPaths: absolute(wasmPaths) };
    // Before the weights are read: the two downloads overlap.
    const thread = worker ? startWorker(device, settings, (bytes) => this.#reportRuntime(bytes)) : await startHere(device, settings);
    try {
      const parts = await this.#parts(thread, device, target);
      const threads = await thread.load(parts).catch((cause: unknown) => {
        throw device === "webgpu" ? new GpuFailure("WebGPU failed", { cause }) : cause;
      });
      this.maxTokensPerRun = device === "wasm" ? TOKENS_PER_THREAD * threads : undefined;
      const why = fallback === undefined ? {} : { reason: fallback.reason, reasonCode: fallback.code };
      onBackend?.({ output: this.#graph.outputs[0] ?? "", device, threads, ...why });
      return { device, thread };
    } catch (error) {
      await thread.dispose().catch(() => undefined);
      throw error;
    }
  }

  /** The graph with its weights, read again: those of an earlier attempt were moved to its thread. */
  async #parts(thread: SessionThread, device: "wasm" | "webgpu", target: GraphTarget): Promise<SessionParts> {
    const { sessionOptions } = this.#settings;
    const encoded = await encodeForDevice(this.#graph, target, async (model, feeds) => {
      await thread.load({ model, weights: [], device, sessionOptions });
      return thread.run(toPlainTensors(feeds));
    });
    const { model, buffers } = packWeights(encoded);
    const weights = buffers.map(({ name, byteLength }) => ({ path: name, data: new Uint8Array(byteLength) }));
    const places = buffers.flatMap(({ ranges }, i) => ranges.map((range) => ({ ...range, target: weights[i]?.data ?? new Uint8Array() })));
    for (const file of new Set(places.map(({ location }) => location))) {
      const own = places.filter(({ location }) => location === file);
      const ranges = own.map(({ offset, length }) => ({ start: offset, end: offset + length }));
      // One after the other: they share the connection.
      await this.#files.readRanges(file, ranges, (start, bytes) => {
        for (const { target: buffer, at, offset, length } of own) copyInto(buffer.subarray(at, at + length), offset, start, bytes);
      });
    }
    return { model, weights, device, sessionOptions };
  }

  #reportRuntime({ file, loaded, total }: RuntimeBytes): void {
    const { source: name } = this.#files;
    this.#settings.onProgress?.({ status: "progress", name, file, progress: (100 * loaded) / Math.max(1, total), loaded, total });
  }
}

/** Relative to the page: a worker's own address is another base. */
function absolute(paths: WasmPaths | undefined): WasmPaths | undefined {
  const resolve = (path: string | URL): string => new URL(path, globalThis.document?.baseURI ?? location.href).href;
  if (paths === undefined) return undefined;
  if (typeof paths === "string") return resolve(paths);
  const { wasm, mjs } = paths;
  return { ...(wasm === undefined ? {} : { wasm: resolve(wasm) }), ...(mjs === undefined ? {} : { mjs: resolve(mjs) }) };
}
