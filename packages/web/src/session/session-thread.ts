/**
 * The thread that an {@link OrtSession} runs in: a worker of its own, or the caller's.
 */
import { type PlainTensors, reviveInferenceError } from "@chinese-clip/pipeline";
import { WorkerHost } from "../worker/worker-host.js";
import type { OrtSession, RuntimeSettings, SessionParts, SessionRequest } from "./ort-session.js";
import type { RuntimeBytes } from "./runtime-download.js";

/** A thread of one session. */
export interface SessionThread {
  /** Creates the session in place of an earlier one, to which the weights' buffers are moved. @returns threads of WebAssembly. */
  load(parts: SessionParts): Promise<number>;
  run(feeds: PlainTensors): Promise<PlainTensors>;
  /** Ends it; a worker's end gives back all of its memory. */
  dispose(): Promise<void>;
}

/**
 * Starts a worker, in which ONNX Runtime is downloaded and started at once.
 *
 * @param onBytes - called with the progress of that download.
 */
export function startWorker(device: "wasm" | "webgpu", settings: RuntimeSettings, onBytes: (bytes: RuntimeBytes) => void): SessionThread {
  // Bundlers look for exactly this expression, with the address spelt out; webpack names its file by the name.
  const start =
    device === "webgpu"
      ? () => new Worker(new URL("./webgpu-session-worker.js", import.meta.url), { type: "module", name: "chinese-clip-webgpu-session" })
      : () => new Worker(new URL("./session-worker.js", import.meta.url), { type: "module", name: "chinese-clip-session" });
  const host = new WorkerHost<SessionRequest>(start, "session", { InferenceError: reviveInferenceError });
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", ({ data }: MessageEvent<RuntimeBytes>) => onBytes(data));
  port1.start();
  // A worker that cannot start says so again when the session is loaded.
  void host.call({ type: "start", settings, progress: port2 }, [port2]).catch(() => undefined);
  return {
    load: (parts) =>
      host.call(
        { type: "load", parts },
        parts.weights.map(({ data }) => data.buffer as ArrayBuffer),
      ),
    run: (feeds) => host.call({ type: "run", feeds }),
    async dispose() {
      port1.close();
      await host.dispose();
    },
  };
}

/** Starts ONNX Runtime in the caller's thread, which every run then blocks. */
export async function startHere(device: "wasm" | "webgpu", settings: RuntimeSettings): Promise<SessionThread> {
  const { env, InferenceSession, Tensor } =
    device === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const { OrtSession: Session } = await import("./ort-session.js");
  const ort = { env, InferenceSession, Tensor };
  Session.start(ort, settings);
  let session: OrtSession | undefined;
  return {
    async load(parts) {
      await session?.release();
      session = await Session.create(ort, parts);
      return session.threads;
    },
    async run(feeds) {
      if (session === undefined) throw new Error("session: expected load before run");
      return session.run(feeds);
    },
    dispose: async () => session?.release(),
  };
}
