/**
 * A graph loaded into `onnxruntime-node`, in a thread of its own: a text query is not queued behind a batch of images, and
 * neither blocks the caller's event loop.
 */
import type { EncodedGraph, GraphSession } from "@chinese-clip/model";
import { type InferenceSession, Tensor } from "onnxruntime-common";
import { WorkerHost } from "../worker/worker-host.js";
import type { PlainTensor, SessionRequest, SessionWorkerData } from "./session-messages.js";

/**
 * Starts a thread and loads a graph into it. ONNX Runtime maps the weights from the files; JavaScript never reads them.
 *
 * @param folder - the folder that the graph's checkpoint files lie in.
 * @param sessionOptions - passed to ONNX Runtime.
 * @throws Error - with ONNX Runtime's message, if it refuses the graph or the options.
 */
export async function createNodeSession(
  { model }: EncodedGraph,
  folder: string,
  sessionOptions: InferenceSession.SessionOptions,
): Promise<GraphSession> {
  const workerData: SessionWorkerData = { model, folder, sessionOptions };
  const host = new WorkerHost<SessionRequest>(new URL("./session-worker.js", import.meta.url), {
    name: "chinese-clip session",
    workerData,
  });
  try {
    await host.call({ type: "load" });
  } catch (error) {
    await host.dispose();
    throw error;
  }
  return {
    async run(feeds) {
      const plain = Object.fromEntries(
        Object.entries(feeds).map(([name, { type, data, dims }]) => [name, { type, data, dims } as PlainTensor]),
      );
      const outputs = await host.call<Record<string, PlainTensor>>({ type: "run", feeds: plain });
      return Object.fromEntries(Object.entries(outputs).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]));
    },
    dispose: () => host.dispose(),
  };
}
