/** What a run takes of the machine's memory, before it is loaded. */
import type { PlannedComputation } from "../engine/computation.js";
import { residentBytes } from "../optimizer/parameter-memory.js";

/** An estimate, in bytes. */
export interface MemoryEstimate {
  /** Parameters and, of those that are trained, gradients and moments. */
  readonly parameters: number;
  /** States that are kept for the way back. */
  readonly states: number;
  /** What graphs take while they run. */
  readonly running: number;
  /** The process at its peak. */
  readonly total: number;
}

/** What a plan is computed from. */
export interface MemoryOptions {
  /** Bytes of a batch's inputs. */
  readonly inputs: number;
  /** Bytes of the frozen tower's parameters, which is loaded for its features before the first step. */
  readonly frozen: number;
  /** Whether the trained parameters have a moving average. */
  readonly isAveraged?: boolean | undefined;
}

// Measured on Linux with onnxruntime-node 1.30; test/memory.slow.test.ts has the bound.
/** Node, ONNX Runtime, the threads that decode images. */
const PROCESS = 270e6;
/** A loaded graph. */
const SESSION = 4e6;
/** Copies of a batch: being decoded, waiting, on its way to the thread, in it. */
const BATCHES = 4;
/** What of the checkpoint's bytes is not collected yet when its tensors are in place, as a share of them. */
const READ = 0.4;
/** What ONNX Runtime's arena holds for each byte that is alive, in gaps between tensors. */
const ARENA = 1.4;
/** The same of the C library's heap, where memory goes back after each run. */
const HEAP = 2;

/** Estimates the peak of a process that trains by a plan. */
export function estimateMemory(
  { parameters, trained, memory }: PlannedComputation,
  { inputs, frozen, isAveraged }: MemoryOptions,
): MemoryEstimate {
  const isTrained = new Set(trained);
  const resident = parameters.reduce((bytes, parameter) => bytes + residentBytes(parameter, isTrained.has(parameter.name), isAveraged), 0);
  const weights = parameters.reduce((bytes, parameter) => bytes + residentBytes(parameter, false), 0);
  const running = memory.live * (memory.isKept ? ARENA : HEAP);
  const step = resident + memory.states + running;
  const before = weights + 2 * frozen;
  const around = PROCESS + SESSION * memory.graphs + BATCHES * inputs + READ * (weights + frozen);
  return { parameters: resident, states: memory.states, running, total: around + Math.max(step, before) };
}
