/**
 * What goes between a session and whoever computes it: a worker, or the caller's own thread.
 */
import type { InferenceSession } from "onnxruntime-common";

/** A tensor as it crosses threads. */
export interface PlainTensor {
  readonly type: "float32" | "int64";
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** Where ONNX Runtime finds its WebAssembly files: the folder's address with `/` at its end, or each file's. */
export type WasmPaths = string | { readonly wasm?: string | URL | undefined; readonly mjs?: string | URL | undefined };

/** All that a session is made of. */
export interface SessionInputs {
  /** The graph, ONNX protobuf. */
  readonly model: Uint8Array;
  /** The buffers that its weights lie in. */
  readonly weights: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** The execution provider. */
  readonly device: "wasm" | "webgpu";
  readonly numThreads: number | undefined;
  readonly wasmPaths: WasmPaths | undefined;
  readonly sessionOptions: InferenceSession.SessionOptions | undefined;
}

/** What a session turned out to run on. */
export interface SessionFacts {
  /** Threads of the WebAssembly backend. */
  readonly threads: number;
}

/** `load` answers with {@link SessionFacts}; `run` with a record of {@link PlainTensor}. */
export type SessionRequest =
  | { readonly type: "load"; readonly inputs: SessionInputs }
  | { readonly type: "run"; readonly feeds: Readonly<Record<string, PlainTensor>> };
