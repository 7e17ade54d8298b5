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

/** A graph that is loaded. */
export class OrtSession {
  readonly facts: SessionFacts;
  readonly #ort: OrtModule;
  readonly #session: InferenceSession;
  /** ONNX Runtime refuses a run while another one is under way. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(ort: OrtModule, session: InferenceSession, facts: SessionFacts) {
    this.#ort = ort;
    this.#session = session;
    this.facts = facts;
  }

  /**
   * Loads a graph. Threads are used where the page is cross-origin isolated; elsewhere browsers have no shared memory.
   *
   * @throws Error - with ONNX Runtime's message.
   */
  static async create(
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

  /** Runs the graph; calls wait for those before them. */
  run(feeds: Readonly<Record<string, PlainTensor>>): Promise<Record<string, PlainTensor>> {
    const running = this.#last.then(() => this.#run(feeds));
    this.#last = running.catch(() => undefined);
    return running;
  }

  /** Gives the session's memory back to ONNX Runtime, which keeps it for the next one. */
  async release(): Promise<void> {
    await this.#last;
    await this.#session.release();
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
