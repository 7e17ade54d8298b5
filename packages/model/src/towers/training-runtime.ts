/**
 * What training asks of a runtime: graphs that run over tensors which stay in its memory, and small WebAssembly kernels over the same memory. A
 * platform package binds it to its ONNX Runtime, in a thread of its own.
 */
import type { Tensor } from "onnxruntime-common";

/** A float32 tensor in a runtime's memory. */
export interface ResidentTensor {
  /** The memory's number, as {@link TrainingRuntime.createMemory} gave it. */
  readonly memory: number;
  /** Where it begins there; a multiple of 16. */
  readonly byteOffset: number;
  /** Its shape. */
  readonly dims: readonly number[];
}

/** Which of a graph's inputs and outputs lie in the runtime's memory. */
export interface ResidentBindings {
  /** Read by each run as they are then. */
  readonly inputs: Readonly<Record<string, ResidentTensor>>;
  /** Written by each run. One may lie where an input does, if the graph computes it from that input element by element. */
  readonly outputs: Readonly<Record<string, ResidentTensor>>;
}

/** A graph loaded over resident tensors. */
export interface ResidentSession {
  /**
   * Runs the graph once.
   *
   * @param feeds - the inputs that are not resident; copied.
   * @param bindings - further resident inputs and outputs, of this run alone: one graph serves several places.
   * @returns the outputs that are not resident.
   */
  run(feeds: Readonly<Record<string, Tensor>>, bindings?: ResidentBindings): Promise<Readonly<Record<string, Tensor>>>;
  /** Releases the graph; the memories stay. Idempotent. */
  dispose(): Promise<void>;
}

/** Calls of one function of a WebAssembly module that imports `env.memory`. */
export interface KernelCalls {
  /** The module's bytes. */
  readonly module: Uint8Array;
  /** Name of the exported function. */
  readonly name: string;
  /** For each call, the number of its memory and the function's arguments. */
  readonly calls: readonly { readonly memory: number; readonly arguments: readonly number[] }[];
}

/** A thread with memories, graphs and kernels. */
export interface TrainingRuntime {
  /** Makes a memory of zeros, at most 4 GiB. @returns its number. */
  createMemory(byteLength: number): Promise<number>;
  /** Copies values into a memory. */
  write(memory: number, byteOffset: number, values: Float32Array): Promise<void>;
  /** Copies so many values out of a memory. */
  read(memory: number, byteOffset: number, length: number): Promise<Float32Array>;
  /**
   * Loads a graph, ONNX protobuf.
   *
   * @param keepsMemory - whether memory for intermediate tensors stays allocated between runs, which is faster, but adds up over graphs. Default true.
   */
  createSession(model: Uint8Array, bindings: ResidentBindings, keepsMemory?: boolean): Promise<ResidentSession>;
  /** Calls a kernel, in order. @returns what each call gave; 0 where it gives nothing. */
  call(kernel: KernelCalls): Promise<readonly number[]>;
  /** Releases all; idempotent. */
  dispose(): Promise<void>;
}
