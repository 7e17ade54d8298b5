/**
 * The thread of one inference session. `onnxruntime-node` computes synchronously, so here it blocks nobody; and ending the
 * thread gives everything back. The session is made from `workerData`, so a thread that replaces a crashed one makes it again.
 */
import { Transferred } from "@chinese-clip/pipeline";
import { workerData } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { servePort } from "../worker/worker-port.js";
import type { PlainTensor, SessionAnswer, SessionRequest, SessionWorkerData } from "./session-messages.js";

// node-session.ts is the only one to start this thread
const { model, folder, sessionOptions } = workerData as SessionWorkerData;

const { extra, ...rest } = sessionOptions;
const session = InferenceSession.create(model, {
  ...rest,
  extra: { ...extra, session: { ...(extra?.["session"] as object | undefined), model_external_initializers_file_folder_path: folder } },
});
session.catch(() => undefined); // whoever asks is told; until then it is not an unhandled rejection

servePort<SessionRequest>({
  async load(): Promise<void> {
    await session;
  },

  async run({ feeds }): Promise<Transferred> {
    const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]);
    const outputs = await (await session).run(Object.fromEntries(tensors));
    const plain: Record<string, PlainTensor> = {};
    const spent = Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data.buffer as ArrayBuffer]));
    const buffers = new Set<ArrayBuffer>(Object.values(spent));
    for (const [name, { type, data, dims }] of Object.entries(outputs)) {
      plain[name] = { type, data, dims } as PlainTensor;
      buffers.add((data as PlainTensor["data"]).buffer as ArrayBuffer);
    }
    return new Transferred({ outputs: plain, spent } satisfies SessionAnswer, [...buffers]);
  },
});
