/**
 * Loads ONNX Runtime without its telemetry: from 1.30 on, its library reports to Microsoft unless `ORT_DISABLE_TELEMETRY=1` is in the process's
 * environment when the first session is created.
 */
import { isMainThread } from "node:worker_threads";
import type * as OnnxRuntime from "onnxruntime-node";
import { hostProcess } from "../worker/host-process.js";

const VARIABLE = "ORT_DISABLE_TELEMETRY";

let hasWarned = false;

/**
 * Switches ONNX Runtime's telemetry off, before anything loads the library in any thread. A value that the user set, such as `0`, stays. Outside
 * the main thread `process.env` is a copy that native code does not see, so there a warning says what to set.
 */
export function disableTelemetry(): void {
  if (hostProcess.env[VARIABLE]) return;
  if (isMainThread) hostProcess.env[VARIABLE] = "1";
  else if (!hasWarned) {
    hasWarned = true;
    process.emitWarning(
      `ONNX Runtime sends telemetry unless ${VARIABLE}=1 is in the environment, which only the main thread can set. Set it there before starting this thread, or set it to 0 to allow telemetry`,
      { code: "CHINESE_CLIP_TELEMETRY" },
    );
  }
}

/** ONNX Runtime, in the caller's thread. */
export function loadRuntime(): Promise<typeof OnnxRuntime> {
  disableTelemetry();
  return import("onnxruntime-node");
}
