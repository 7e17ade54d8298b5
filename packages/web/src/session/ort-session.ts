/**
 * One graph in ONNX Runtime, in the thread that this runs in: a session's worker, or the page.
 */
import type { Env, InferenceSession, InferenceSessionFactory, TensorConstructor } from "onnxruntime-common";
import { buffersOf, checkFinite, loadFailure, type PlainTensor, type PlainTensors, runFailure, Transferred } from "@chinese-clip/pipeline";
import { servePort } from "../worker/worker-port.js";
import { observeRuntimeDownload } from "./runtime-download.js";

/** The used part of `onnxruntime-web/wasm` or `onnxruntime-web/webgpu`. */
export interface OrtModule {
  readonly env: Env;
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** ONNX Runtime's WebAssembly files: the folder's address with `/` at its end, or each file's. */
export type WasmPaths = string | { readonly wasm?: string | URL | undefined; readonly mjs?: string | URL | undefined };

/** How ONNX Runtime is started, once in a thread. */
export interface RuntimeSettings {
  readonly numThreads: number | undefined;
  readonly wasmPaths: WasmPaths | undefined;
}

/** What a session is made of. */
export interface SessionParts {
  /** The graph, ONNX protobuf. */
  readonly model: Uint8Array;
  /** The buffers that hold its weights. */
  readonly weights: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** The execution provider. */
  readonly device: "wasm" | "webgpu";
  readonly sessionOptions: InferenceSession.SessionOptions | undefined;
}

/** Requests to a session's worker. `load` is answered with the number of WebAssembly threads, `run` with {@link PlainTensors}. */
export type SessionRequest =
  /** `progress` gets {@link RuntimeBytes}. */
  | { readonly type: "start"; readonly settings: RuntimeSettings; readonly progress: MessagePort }
  | { readonly type: "load"; readonly parts: SessionParts }
  | { readonly type: "run"; readonly feeds: PlainTensors };

/** ONNX Runtime's level for errors only: its warnings are about choices that are made here on purpose. */
const ERRORS_ONLY = 3;

/**
 * The last thing that ONNX Runtime was asked for in this thread. Its WebGPU build suspends its one WebAssembly stack while it waits for the GPU
 * (Asyncify): a session that is created, run or released meanwhile, be it another one, writes over that stack, and neither call returns.
 */
let last: Promise<unknown> = Promise.resolve();

/** One after another, whatever becomes of those before. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const running = last.then(work);
  last = running.catch(() => undefined);
  return running;
}

/** A loaded graph. */
export class OrtSession {
  /** Threads of the WebAssembly backend. */
  readonly threads: number;
  readonly #ort: OrtModule;
  readonly #session: InferenceSession;

  private constructor(ort: OrtModule, session: InferenceSession) {
    this.#ort = ort;
    this.#session = session;
    this.threads = ort.env.wasm.numThreads ?? 1;
  }

  /**
   * Starts ONNX Runtime in this thread, so that its download and that of the weights overlap. Threads are used where the page is cross-origin
   * isolated; elsewhere browsers have no shared memory. An error is not reported here: it is that of {@link OrtSession.create}, too.
   */
  static start({ env, InferenceSession }: OrtModule, { numThreads, wasmPaths }: RuntimeSettings): void {
    const { wasm } = env;
    // Not set is not the same as undefined: then it is found beside ONNX Runtime's own script, where bundlers put it.
    if (wasmPaths !== undefined) wasm.wasmPaths = wasmPaths as NonNullable<typeof wasm.wasmPaths>;
    if (!globalThis.crossOriginIsolated) wasm.numThreads = 1;
    else if (numThreads !== undefined) wasm.numThreads = numThreads;
    wasm.proxy = false;
    env.logLevel = "error";
    // ONNX Runtime starts with its first session. On WebAssembly, whichever device is wanted: that needs no GPU.
    const options: InferenceSession.SessionOptions = { logSeverityLevel: ERRORS_ONLY, executionProviders: ["wasm"] };
    void inTurn(async () => (await InferenceSession.create(identityModel(), options)).release()).catch(() => undefined);
  }

  /**
   * Loads a graph, after what this thread's other sessions are doing.
   *
   * @throws InferenceError - `load-failed`, with ONNX Runtime's message.
   */
  static create(ort: OrtModule, { model, weights, device, sessionOptions }: SessionParts): Promise<OrtSession> {
    return inTurn(async () => {
      const session = await ort.InferenceSession.create(model, {
        logSeverityLevel: ERRORS_ONLY,
        executionProviders: [device],
        ...sessionOptions,
        externalData: weights.map(({ path, data }) => ({ path, data })),
      });
      return new OrtSession(ort, session);
    }).catch((cause: unknown) => {
      throw loadFailure(cause);
    });
  }

  /**
   * Runs the graph; calls wait for those before them, of all sessions in this thread.
   *
   * @throws InferenceError - `run-failed`, with ONNX Runtime's message; `not-finite`.
   */
  async run(feeds: PlainTensors): Promise<PlainTensors> {
    const outputs = await this.#run(feeds).catch((cause: unknown) => {
      throw runFailure(cause);
    });
    checkFinite(outputs);
    return outputs;
  }

  /** Gives the session's memory back to ONNX Runtime, which keeps it for the next one. */
  release(): Promise<void> {
    return inTurn(() => this.#session.release());
  }

  #run(feeds: PlainTensors): Promise<PlainTensors> {
    return inTurn(async () => {
      const { Tensor } = this.#ort;
      const tensors = Object.entries(feeds).map(
        ([name, { type, data, dims }]) => [name, new Tensor(type, data as Float32Array, dims)] as const,
      );
      const outputs = await this.#session.run(Object.fromEntries(tensors));
      const plain: Record<string, PlainTensor> = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        const data = (await tensor.getData()) as PlainTensor["data"];
        plain[name] = { type: tensor.type as PlainTensor["type"], data, dims: tensor.dims };
      }
      return plain;
    });
  }
}

/** Serves one session in a worker. */
export function serveSession(ort: OrtModule): void {
  // ONNX Runtime starts its threads with the script that it is in, which a bundler may have made this one.
  if (self.name.startsWith("em-pthread")) return;
  let session: OrtSession | undefined;
  servePort<SessionRequest>({
    start({ settings, progress }) {
      observeRuntimeDownload((bytes) => progress.postMessage(bytes, []));
      OrtSession.start(ort, settings);
    },

    async load({ parts }) {
      await session?.release();
      session = await OrtSession.create(ort, parts);
      return session.threads;
    },

    async run({ feeds }) {
      if (session === undefined) throw new Error("session worker: expected load before run");
      const outputs = await session.run(feeds);
      return new Transferred(outputs, buffersOf(outputs));
    },
  });
}

/** The smallest model, ONNX protobuf: y = Identity(x), float32 of shape [1], opset 17. */
function identityModel(): Uint8Array {
  const bytes = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
  /** A length-delimited field of fewer than 128 bytes. */
  const field = (number: number, ...content: number[]): number[] => [(number << 3) | 2, content.length, ...content];
  const value = (name: string): number[] => [...field(1, ...bytes(name)), ...field(2, ...field(1, 8, 1, ...field(2, ...field(1, 8, 1))))];
  const node = [...field(1, ...bytes("x")), ...field(2, ...bytes("y")), ...field(4, ...bytes("Identity"))];
  const graph = [...field(1, ...node), ...field(2, ...bytes("g")), ...field(11, ...value("x")), ...field(12, ...value("y"))];
  return Uint8Array.of(8, 8, ...field(7, ...graph), ...field(8, 0x10, 17));
}
