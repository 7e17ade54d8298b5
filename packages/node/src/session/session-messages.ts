/**
 * What goes between a session and its thread.
 */
import type { PackedBuffer } from "@chinese-clip/model";
import type { PlainTensors } from "@chinese-clip/pipeline";
import type { InferenceSession } from "onnxruntime-common";
import type { WeightsStamp } from "../files/weights-files.js";

/** What a session is made of. */
export interface SessionSource {
  /** The graph, ONNX protobuf. */
  readonly model: Uint8Array;
  /** The folder that the graph's external data lies in. */
  readonly folder: string;
  /** What is read into memory instead of mapped: the graph's external data lies in these buffers, filled from files that still have their stamps. */
  readonly copied: { readonly buffers: readonly PackedBuffer[]; readonly stamps: readonly WeightsStamp[] } | undefined;
  /** ONNX Runtime's options. */
  readonly sessionOptions: InferenceSession.SessionOptions;
}

/** What a session thread is started with. */
export interface SessionWorkerData {
  /** State of its `ThreadGate`. */
  readonly gate: SharedArrayBuffer;
  /** Where the thread replaces one that crashed; the first is started ahead, and told by `load`. */
  readonly source: SessionSource | undefined;
}

/** What a run answers with. */
export interface SessionAnswer {
  readonly outputs: PlainTensors;
  /** The feeds' buffers, handed back to be filled again. */
  readonly spent: Readonly<Record<string, ArrayBuffer>>;
}

/** `try` runs a graph without weights once and answers with {@link PlainTensors}; `load` resolves when the session is ready; `run` takes the feeds' buffers and answers with a {@link SessionAnswer}. */
export type SessionRequest =
  | {
      readonly type: "try";
      readonly model: Uint8Array;
      readonly feeds: PlainTensors;
      readonly sessionOptions: InferenceSession.SessionOptions;
    }
  | { readonly type: "load"; readonly source: SessionSource }
  | { readonly type: "run"; readonly feeds: PlainTensors };
