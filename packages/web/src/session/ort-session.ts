/**
 * One graph in ONNX Runtime, in whichever thread this runs.
 */
import type { Env, InferenceSession, InferenceSessionFactory, TensorConstructor } from "onnxruntime-common";
import type { PlainTensor, SessionFacts, SessionInputs } from "./session-messages.js";

/** What is used of `onnxruntime-web/wasm` or `onnxruntime-web/webgpu`. */
export interface OrtModule {
  readonly env: Env;
  readonly InferenceSession: InferenceSessionFactory;
  readonly Tensor: TensorConstructor;
}

/** ONNX Runtime's level for errors only: its warnings are about choices that are made here on purpose. */
const ERRORS_ONLY = 3;

/**
 * The last thing that ONNX Runtime was asked for in this thread. Its WebGPU build suspends its one WebAssembly stack while it waits for the GPU
 * (Asyncify), so a session that is created, run or released meanwhile, be it another one, writes over that stack, and neither comes back.
 */
let last: Promise<unknown> = Promise.resolve();

/** One after another, whatever becomes of those before. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const running = last.then(work);
  last = running.catch(() => undefined);
  return running;
}

/** A graph that is loaded. */
export class OrtSession {
  readonly facts: SessionFacts;
  readonly #ort: OrtModule;
  readonly #session: InferenceSession;

  private constructor(ort: OrtModule, session: InferenceSession, facts: SessionFacts) {
    this.#ort = ort;
    this.#session = session;
    this.facts = facts;
  }

  /**
   * Loads a graph, once what this thread's other sessions do is done. Threads are used where the page is cross-origin isolated; elsewhere browsers
   * have no shared memory.
   *
   * @throws Error - with ONNX Runtime's message.
   */
  static create(ort: OrtModule, inputs: SessionInputs): Promise<OrtSession> {
    return inTurn(() => OrtSession.#create(ort, inputs));
  }

  /** Runs the graph; calls wait for those before them, of all sessions in this thread. */
  run(feeds: Readonly<Record<string, PlainTensor>>): Promise<Record<string, PlainTensor>> {
    return inTurn(() => this.#run(feeds));
  }

  /** Gives the session's memory back to ONNX Runtime, which keeps it for the next one. */
  release(): Promise<void> {
    return inTurn(() => this.#session.release());
  }

  static async #create(
    ort: OrtModule,
    { model, weights, device, numThreads, wasmPaths, sessionOptions }: SessionInputs,
  ): Promise<OrtSession> {
    const { wasm } = ort.env;
    // Not set is not the same as undefined: then it is found beside ONNX Runtime's own script, where bundlers put it.
    if (wasmPaths !== undefined) wasm.wasmPaths = wasmPaths as NonNullable<typeof wasm.wasmPaths>;
    if (!globalThis.crossOriginIsolated) wasm.numThreads = 1;
    else if (numThreads !== undefined) wasm.numThreads = numThreads;
    wasm.proxy = false;
    ort.env.logLevel = "error";
    const session = await ort.InferenceSession.create(model, {
      logSeverityLevel: ERRORS_ONLY,
      executionProviders: [device],
      ...sessionOptions,
      externalData: weights.map(({ path, data }) => ({ path, data })),
    });
    return new OrtSession(ort, session, { threads: wasm.numThreads ?? 1 });
  }

  async #run(feeds: Readonly<Record<string, PlainTensor>>): Promise<Record<string, PlainTensor>> {
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
  }
}
