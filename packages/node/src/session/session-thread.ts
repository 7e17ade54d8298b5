/**
 * One inference session in a thread of its own.
 */
import type { EncodedGraph, GraphSession } from "@chinese-clip/model";
import { type InferenceSession, Tensor } from "onnxruntime-common";
import { WorkerHost } from "../worker/worker-host.js";
import type { PlainTensor, SessionRequest, SessionWorkerData } from "./session-messages.js";

/** A graph loaded into `onnxruntime-node`; ONNX Runtime maps the weights from the files, JavaScript never reads them. */
export class SessionThread implements GraphSession {
  readonly tokensAtOnce: number | undefined;
  readonly #host: WorkerHost<SessionRequest>;

  /**
   * Does not start the thread yet.
   *
   * @param folder - the folder that the graph's checkpoint files lie in.
   * @param tokensAtOnce - the most tokens that a run is given; undefined: any number.
   */
  constructor({ model }: EncodedGraph, folder: string, sessionOptions: InferenceSession.SessionOptions, tokensAtOnce: number | undefined) {
    this.tokensAtOnce = tokensAtOnce;
    const workerData: SessionWorkerData = { model, folder, sessionOptions };
    this.#host = new WorkerHost(new URL("./session-worker.js", import.meta.url), { name: "chinese-clip session", workerData });
  }

  /**
   * Loads the graph.
   *
   * @throws Error - with ONNX Runtime's message, if it refuses the graph or the options; the thread has then ended.
   */
  async load(): Promise<void> {
    try {
      await this.#host.call({ type: "load" });
    } catch (error) {
      await this.#host.dispose();
      throw error;
    }
  }

  /** Runs the graph; the feeds are copied. */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    const plain = Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, dims }]) => [name, { type, data, dims } as PlainTensor]),
    );
    const outputs = await this.#host.call<Record<string, PlainTensor>>({ type: "run", feeds: plain });
    return Object.fromEntries(Object.entries(outputs).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]));
  }

  /** Ends the thread; idempotent. */
  dispose(): Promise<void> {
    return this.#host.dispose();
  }
}
