/**
 * The thread of one inference session. `onnxruntime-node` computes synchronously, so here it blocks nobody; and ending the
 * thread gives everything back. The runtime is loaded at once, before there is a graph: that takes as long as reading a model's small files.
 */
import { buffersOf, checkFinite, loadFailure, type PlainTensors, runFailure, toPlainTensors, Transferred } from "@chinese-clip/pipeline";
import { workerData } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import { ThreadGate } from "../worker/thread-gate.js";
import { servePort } from "../worker/worker-port.js";
import { copyWeights } from "./copy-weights.js";
import type { SessionAnswer, SessionRequest, SessionSource, SessionWorkerData } from "./session-messages.js";
import { WeightsFiles } from "../files/weights-files.js";

/**
 * A graph that gives out what it gets, `x` of one float: ModelProto { ir_version 9, graph { node { "x" -> "y", Identity }, input x, output y },
 * opset 18 }. The first session of a process makes ONNX Runtime register its operators, which takes longer than loading a BERT.
 */
const SMALLEST_MODEL = Buffer.from("CAk6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAS", "base64");

// session-thread.ts is the only one to start this thread
const { gate: state, source } = workerData as SessionWorkerData;
const gate = new ThreadGate(state);

const runtime = gate.pass(async () => {
  const loaded = await import("onnxruntime-node");
  await (await loaded.InferenceSession.create(SMALLEST_MODEL)).release();
  return loaded;
});
runtime.catch(() => undefined); // whoever asks is told; until then it is not an unhandled rejection

async function create({ model, folder, copied, sessionOptions: { extra, ...rest } }: SessionSource): Promise<InferenceSession> {
  const { InferenceSession } = await runtime;
  const externalData = copied === undefined ? {} : { externalData: await copyWeights(folder, copied.buffers) };
  await new WeightsFiles(copied?.stamps ?? []).check(); // after they were read: half of them might be of another file
  const session = { ...(extra?.["session"] as object | undefined), model_external_initializers_file_folder_path: folder };
  return gate
    .pass(() => InferenceSession.create(model, { ...rest, ...externalData, extra: { ...extra, session } }))
    .catch((cause: unknown) => {
      throw loadFailure(cause);
    });
}

async function runOnce(loaded: InferenceSession, feeds: PlainTensors): Promise<PlainTensors> {
  const { Tensor } = await runtime;
  const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]);
  return toPlainTensors(
    await gate
      .pass(() => loaded.run(Object.fromEntries(tensors)))
      .catch((cause: unknown) => {
        throw runFailure(cause);
      }),
  );
}

let tried: InferenceSession | undefined;
let session = source && create(source);
session?.catch(() => undefined);

servePort<SessionRequest>(
  {
    async try({ model, feeds, sessionOptions }): Promise<PlainTensors> {
      const { InferenceSession } = await runtime;
      tried = await gate.pass(() => InferenceSession.create(model, sessionOptions));
      return runOnce(tried, feeds);
    },

    async load(request): Promise<void> {
      session ??= create(request.source);
      await session;
      // Only now: a device is opened once for both.
      await tried?.release();
      tried = undefined;
    },

    async run({ feeds }): Promise<Transferred> {
      const loaded = await session;
      if (loaded === undefined) throw new Error("session: expected a graph to be loaded before it is run");
      const outputs = await runOnce(loaded, feeds);
      checkFinite(outputs);
      const spent = Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data.buffer as ArrayBuffer]));
      return new Transferred({ outputs, spent } satisfies SessionAnswer, [...new Set([...Object.values(spent), ...buffersOf(outputs)])]);
    },
  },
  gate,
);
