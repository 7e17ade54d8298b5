/**
 * A session in a worker of its own.
 */
import { WorkerHost } from "../worker/worker-host.js";
import type { PlainTensor, SessionFacts, SessionInputs, SessionRequest } from "./session-messages.js";

/** A loaded session, wherever it is. */
export interface SessionRunner {
  readonly facts: SessionFacts;
  run(feeds: Readonly<Record<string, PlainTensor>>): Promise<Record<string, PlainTensor>>;
  dispose(): Promise<void>;
}

/** Loads a session into a new worker; ending it gives back all of its memory. */
export async function runInWorker(inputs: SessionInputs): Promise<SessionRunner> {
  // Each address is spelt out where the worker is made, since bundlers look for just that; webpack names its file by the name.
  const start =
    inputs.device === "webgpu"
      ? () => new Worker(new URL("./webgpu-session-worker.js", import.meta.url), { type: "module", name: "chinese-clip-webgpu-session" })
      : () => new Worker(new URL("./session-worker.js", import.meta.url), { type: "module", name: "chinese-clip-session" });
  const host = new WorkerHost<SessionRequest>(start, "session");
  try {
    const buffers = inputs.weights.map(({ data }) => data.buffer as ArrayBuffer);
    const facts = await host.call<SessionFacts>({ type: "load", inputs }, buffers);
    return {
      facts,
      run: (feeds) => host.call({ type: "run", feeds }),
      dispose: async () => host.dispose(),
    };
  } catch (error) {
    await host.dispose();
    throw error;
  }
}
