/**
 * One inference session in a thread of its own.
 */
import { type EncodedGraph, type GraphSession, packWeights } from "@chinese-clip/model";
import { fromPlainTensors, type PlainTensor, type PlainTensors, reviveInferenceError, toPlainTensors } from "@chinese-clip/pipeline";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { WorkerHost } from "../worker/worker-host.js";
import { disableTelemetry } from "./load-runtime.js";
import type { SessionAnswer, SessionRequest, SessionSource, SessionWorkerData } from "./session-messages.js";
import type { WeightsFiles } from "../files/weights-files.js";

/**
 * Maximum bytes of a feed's buffer that is reused by the next run: a batch of 50 images of 224 pixels. Buffers allocated for each run
 * would be garbage in the thread, which makes so few objects that they pile up for long.
 */
const MAX_REUSED_BYTES = 32 * 2 ** 20;

/** A graph loaded into `onnxruntime-node`; ONNX Runtime maps the weights from the files, which JavaScript reads only to copy them. */
export class SessionThread implements GraphSession {
  #maxTokensPerRun: number | undefined;
  #source: SessionSource | undefined;
  #weights: WeightsFiles | undefined;
  readonly #host: WorkerHost<SessionRequest> = new WorkerHost(() => new URL("./session-worker.cjs", import.meta.url), {
    name: "chinese-clip session",
    gatedData: (gate): SessionWorkerData => {
      disableTelemetry(); // the thread reads the environment of the process
      return { gate, source: this.#source };
    },
    reviveError: { InferenceError: reviveInferenceError },
  });
  /** A buffer for each feed, while no run has it. */
  readonly #spares: Map<string, ArrayBuffer> = new Map();

  get maxTokensPerRun(): number | undefined {
    return this.#maxTokensPerRun;
  }

  /** Starts the thread, which gets the runtime ready. Without it {@link SessionThread.load} does. */
  start(): void {
    this.#host.start();
  }

  /** Runs a graph without weights once, before a graph is loaded. */
  async try(
    model: Uint8Array,
    feeds: Readonly<Record<string, Tensor>>,
    sessionOptions: InferenceSession.SessionOptions,
  ): Promise<Readonly<Record<string, Tensor>>> {
    return fromPlainTensors(await this.#host.call<PlainTensors>({ type: "try", model, feeds: toPlainTensors(feeds), sessionOptions }));
  }

  /**
   * Loads the graph.
   *
   * @param folder - the folder that the graph's checkpoint files lie in.
   * @param weights - those files, and whether they are copied: what becomes of them afterwards then does not matter.
   * @param maxTokensPerRun - the maximum number of tokens in a run; undefined: any number.
   * @throws InferenceError - `load-failed`, with ONNX Runtime's message; `weights-changed`. The thread has then ended.
   */
  async load(
    graph: EncodedGraph,
    folder: string,
    { weights, copyWeights }: { readonly weights: WeightsFiles; readonly copyWeights: boolean },
    sessionOptions: InferenceSession.SessionOptions,
    maxTokensPerRun: number | undefined,
  ): Promise<void> {
    this.#maxTokensPerRun = maxTokensPerRun;
    const packed = copyWeights ? packWeights(graph) : undefined;
    const copied = packed && { buffers: packed.buffers, stamps: weights.stamps };
    this.#source = { model: packed?.model ?? graph.model, folder, copied, sessionOptions };
    this.#weights = copyWeights ? undefined : weights;
    try {
      await weights.check();
      await this.#host.call({ type: "load", source: this.#source });
    } catch (error) {
      await this.#host.dispose();
      throw error;
    }
  }

  /**
   * Runs the graph; the feeds are copied.
   *
   * @throws InferenceError - `run-failed`, `not-finite`, `weights-changed`; WorkerError - the thread crashed or was disposed.
   */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    const plain: Record<string, PlainTensor> = {};
    const buffers: ArrayBuffer[] = [];
    for (const [name, { type, data, dims }] of Object.entries(feeds)) {
      const copy = this.#copyOf(name, data as PlainTensor["data"]);
      plain[name] = { type, data: copy, dims } as PlainTensor;
      buffers.push(copy.buffer);
    }
    await this.#weights?.check();
    const { outputs, spent } = await this.#host.call<SessionAnswer>({ type: "run", feeds: plain }, buffers);
    for (const [name, buffer] of Object.entries(spent)) if (buffer.byteLength <= MAX_REUSED_BYTES) this.#spares.set(name, buffer);
    return fromPlainTensors(outputs);
  }

  /** Ends the thread; idempotent. */
  dispose(): Promise<void> {
    this.#spares.clear();
    return this.#host.dispose();
  }

  /** The data in a buffer that may be handed over: the one that came back from the last run, if it is large enough. */
  #copyOf(name: string, data: PlainTensor["data"]): Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> {
    const spare = this.#spares.get(name);
    this.#spares.delete(name);
    const buffer = spare !== undefined && spare.byteLength >= data.byteLength ? spare : new ArrayBuffer(data.byteLength);
    new Uint8Array(buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return data.BYTES_PER_ELEMENT === 4 ? new Float32Array(buffer, 0, data.length) : new BigInt64Array(buffer, 0, data.length);
  }
}
