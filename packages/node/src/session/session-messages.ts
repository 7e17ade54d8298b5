/**
 * What goes between a session and its thread.
 */
import type { InferenceSession } from "onnxruntime-common";

/** A tensor as it crosses threads. */
export interface PlainTensor {
  readonly type: "float32" | "int64";
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** What a session thread is started with. */
export interface SessionWorkerData {
  /** The graph, ONNX protobuf. */
  readonly model: Uint8Array;
  /** The folder that the graph's external data lies in. */
  readonly folder: string;
  /** ONNX Runtime's options. */
  readonly sessionOptions: InferenceSession.SessionOptions;
}

/** `load` resolves when the session is ready; `run` answers with a record of {@link PlainTensor}. */
export type SessionRequest = { readonly type: "load" } | { readonly type: "run"; readonly feeds: Readonly<Record<string, PlainTensor>> };
