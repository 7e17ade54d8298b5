/**
 * What goes between a training runtime and its thread.
 */
import type { KernelCalls, ResidentBindings } from "@chinese-clip/model";
import type { PlainTensors } from "@chinese-clip/pipeline";

/** What a training thread is started with. */
export interface TrainingWorkerData {
  /** State of its `ThreadGate`. */
  readonly gate: SharedArrayBuffer;
  /** Threads of an operator; undefined: ONNX Runtime's default. */
  readonly numThreads: number | undefined;
}

/** Memories and sessions are told by their numbers. */
export type TrainingRequest =
  | { readonly type: "memory"; readonly byteLength: number }
  | { readonly type: "write"; readonly memory: number; readonly byteOffset: number; readonly values: Float32Array }
  | { readonly type: "read"; readonly memory: number; readonly byteOffset: number; readonly length: number }
  | { readonly type: "load"; readonly model: Uint8Array; readonly bindings: ResidentBindings; readonly keepsMemory: boolean }
  | { readonly type: "run"; readonly session: number; readonly feeds: PlainTensors; readonly bindings: ResidentBindings | undefined }
  | { readonly type: "release"; readonly session: number }
  | { readonly type: "call"; readonly kernel: KernelCalls };
