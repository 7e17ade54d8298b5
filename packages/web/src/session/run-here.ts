/**
 * A session in the caller's thread. It comes with the first page that wants it so.
 */
import { OrtSession } from "./ort-session.js";
import type { SessionInputs } from "./session-messages.js";
import type { SessionRunner } from "./session-runner.js";

/** Loads a session into this thread, which every run then blocks. */
export async function runHere(inputs: SessionInputs): Promise<SessionRunner> {
  const { env, InferenceSession, Tensor } =
    inputs.device === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const session = await OrtSession.create({ env, InferenceSession, Tensor }, inputs);
  return { facts: session.facts, run: (feeds) => session.run(feeds), dispose: () => session.release() };
}
