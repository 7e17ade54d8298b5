/**
 * A graph and its weights, loaded when first run. Whatever fails is thrown away whole, so that no failed call has a part in the next one: the
 * next call loads again, on WebAssembly if it was WebGPU that failed.
 */
import { type EncodedGraph, type GraphSession, type GraphTarget, packWeights } from "@chinese-clip/model";
import { type InferenceSession, Tensor } from "onnxruntime-common";
import { copyInto } from "../http/byte-ranges.js";
import type { WebFiles } from "../sources/web-files.js";
import { chooseDevice, type DeviceChoice } from "./choose-device.js";
import type { PlainTensor, SessionInputs, WasmPaths } from "./session-messages.js";
import { runInWorker, type SessionRunner } from "./session-runner.js";

/** What a session runs on. */
export interface BackendReport {
  /** The session's output, which tells the tower: `text_features`, `image_features`, or a backbone's `last_hidden_state`. */
  readonly output: string;
  /** `"webgpu"` or `"wasm"`. */
  readonly device: "wasm" | "webgpu";
  /** Threads of WebAssembly: 1 unless the page is cross-origin isolated. */
  readonly threads: number;
  /** Why not WebGPU, where that was asked for or nothing was. */
  readonly reason?: string;
}

/** How sessions are made. */
export interface SessionSettings {
  readonly device: "wasm" | "webgpu" | undefined;
  /** Whether to compute in half precision where the GPU does that. */
  readonly half: boolean;
  readonly numThreads: number | undefined;
  readonly wasmPaths: WasmPaths | undefined;
  readonly sessionOptions: InferenceSession.SessionOptions | undefined;
  /** Whether in a worker. */
  readonly worker: boolean;
  readonly onBackend: ((report: BackendReport) => void) | undefined;
}

/** Reads a graph's weights and loads it. */
export async function createWebSession(graph: EncodedGraph, files: WebFiles, settings: SessionSettings): Promise<GraphSession> {
  const session = new WebSession(graph, files, settings);
  await session.load();
  return session;
}

/** A session, and what it runs on. */
interface Loaded {
  readonly device: "wasm" | "webgpu";
  readonly runner: SessionRunner;
}

/** A run that failed on a GPU. */
class GpuFailure extends Error {}

/** Tokens of a picture that a thread computes at once on WebAssembly, where memory once taken is never given back. */
const TOKENS_PER_THREAD = 300;

class WebSession implements GraphSession {
  tokensAtOnce: number | undefined;
  readonly #graph: EncodedGraph;
  readonly #files: WebFiles;
  readonly #settings: SessionSettings;
  #loaded: Promise<Loaded> | undefined;
  /** What WebGPU failed of. */
  #gpuFailure: string | undefined;
  #isDisposed = false;

  constructor(graph: EncodedGraph, files: WebFiles, settings: SessionSettings) {
    this.#graph = graph;
    this.#files = files;
    this.#settings = settings;
  }

  /** Loads the session unless it is loaded. */
  load(): Promise<Loaded> {
    if (this.#isDisposed) return Promise.reject(new Error("session: expected a live session, but dispose was called"));
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
    const plain = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, dims }]) => [name, { type, data, dims } as PlainTensor]),
    );
    const outputs = await this.#run(plain).catch((error: unknown) => {
      // What a GPU cannot do, WebAssembly may.
      if (!(error instanceof GpuFailure) || this.#isDisposed) throw error;
      return this.#run(plain);
    });
    return Object.fromEntries(Object.entries(outputs).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]));
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const loaded = await this.#loaded?.catch(() => undefined);
    this.#loaded = undefined;
    await loaded?.runner.dispose();
  }

  async #run(feeds: Readonly<Record<string, PlainTensor>>): Promise<Record<string, PlainTensor>> {
    const loading = this.load();
    const { runner, device } = await loading;
    try {
      return await runner.run(feeds);
    } catch (error) {
      if (this.#loaded === loading && !this.#isDisposed) {
        this.#loaded = undefined;
        await runner.dispose().catch(() => undefined);
      }
      if (device === "wasm") throw error;
      this.#gpuFailure = `WebGPU failed: ${messageOf(error)}`;
      throw new GpuFailure(messageOf(error), { cause: error });
    }
  }

  async #create(): Promise<Loaded> {
    const { device: asked, half, worker, onBackend } = this.#settings;
    const choice: DeviceChoice = this.#gpuFailure === undefined ? await chooseDevice(asked) : { device: "wasm", reason: this.#gpuFailure };
    const begin = worker ? runInWorker : (await import("./run-here.js")).runHere;
    const report = (device: "wasm" | "webgpu", runner: SessionRunner, reason: string | undefined): Loaded => {
      const { threads } = runner.facts;
      this.tokensAtOnce = device === "wasm" ? TOKENS_PER_THREAD * threads : undefined;
      onBackend?.({ output: this.#graph.outputs[0] ?? "", device, threads, ...(reason === undefined ? {} : { reason }) });
      return { device, runner };
    };
    if (choice.device === "webgpu") {
      const inputs = await this.#inputs("webgpu", half && choice.half === true ? "gpu-half" : "gpu");
      try {
        return report("webgpu", await begin(inputs), undefined);
      } catch (error) {
        this.#gpuFailure = `WebGPU failed: ${messageOf(error)}`;
      }
    }
    return report("wasm", await begin(await this.#inputs("wasm", "cpu")), this.#gpuFailure ?? choice.reason);
  }

  /** The graph with its weights, read anew: those of an earlier attempt have gone with it. */
  async #inputs(device: "wasm" | "webgpu", computedBy: GraphTarget): Promise<SessionInputs> {
    const { numThreads, wasmPaths, sessionOptions } = this.#settings;
    const { model, buffers } = packWeights(this.#graph.builtFor(computedBy));
    const weights = buffers.map(({ name, byteLength }) => ({ path: name, data: new Uint8Array(byteLength) }));
    const places = buffers.flatMap(({ ranges }, i) => ranges.map((range) => ({ ...range, target: weights[i]?.data ?? new Uint8Array() })));
    for (const file of new Set(places.map(({ location }) => location))) {
      const own = places.filter(({ location }) => location === file);
      const ranges = own.map(({ offset, length }) => ({ start: offset, end: offset + length }));
      // One after the other: they share the connection.
      await this.#files.readRanges(file, ranges, (start, bytes) => {
        for (const { target, at, offset, length } of own) copyInto(target.subarray(at, at + length), offset, start, bytes);
      });
    }
    return { model, weights, device, numThreads, wasmPaths: absolute(wasmPaths), sessionOptions };
  }
}

/** A worker's own address is another base than the page's. */
function absolute(paths: WasmPaths | undefined): WasmPaths | undefined {
  const resolve = (path: string | URL): string => new URL(path, globalThis.document?.baseURI ?? location.href).href;
  if (paths === undefined) return undefined;
  if (typeof paths === "string") return resolve(paths);
  const { wasm, mjs } = paths;
  return { ...(wasm === undefined ? {} : { wasm: resolve(wasm) }), ...(mjs === undefined ? {} : { mjs: resolve(mjs) }) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
