/**
 * Where to compute: the names of `device` as ONNX Runtime's execution providers.
 */
import { InferenceError, isError } from "@chinese-clip/pipeline";
import type { InferenceSession } from "onnxruntime-common";
import { loadRuntime } from "./load-runtime.js";

/**
 * Rejects a device that this build of ONNX Runtime has no provider for: on its own ONNX Runtime would say so only when a tower is first used.
 *
 * @throws RangeError - naming the devices that there are.
 */
export async function checkDevice(device = "cpu"): Promise<void> {
  // Every build has it, and for it alone nothing native is loaded into the caller's thread.
  if (device === "cpu") return;
  const { listSupportedBackends } = await loadRuntime();
  const names = listSupportedBackends().map(({ name }) => name);
  if (names.includes(device)) return;
  const list = names.map((name) => JSON.stringify(name)).join(", ");
  throw new RangeError(
    `fromPretrained: expected a device that ONNX Runtime's build for ${process.platform} ${process.arch} has (${list}), got ${JSON.stringify(device)}`,
  );
}

/** The session options for a device: it alone, so that one that cannot be had is an error and not a slower one in its place. */
export function deviceOptions(device: string): InferenceSession.SessionOptions {
  return device === "cpu" ? {} : { executionProviders: [device] };
}

/** ONNX Runtime's error, with what it was about. */
export function deviceError(device: string, cause: unknown): unknown {
  if (device === "cpu" || !isError(cause)) return cause;
  return new InferenceError(
    "load-failed",
    `device ${JSON.stringify(device)}: ONNX Runtime could not load the model there: ${isError(cause.cause) ? cause.cause.message : cause.message}`,
    { device },
    { cause },
  );
}
