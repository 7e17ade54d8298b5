/**
 * Keeps a thread from being ended while it is inside ONNX Runtime. `onnxruntime-node` cannot return into a thread that Node is ending: what it
 * calls then fails, and the exception that it makes of that is caught by nobody and takes the whole process down (SIGABRT, "terminate called
 * after throwing an instance of 'Napi::Error'"). So a thread goes through its gate to call it, and whoever ends the thread closes the gate first:
 * `dispose` by asking the thread to end itself, the end of the process by waiting for it.
 */
import { hostProcess } from "./host-process.js";

const OPEN = 0;
const PASSED = 1;
const CLOSED = 2;

/** A thread that died inside cannot open its gate again; waiting longer than any model takes to load means that this is so. */
const LONGEST_WAIT_MS = 60_000;

/** One thread's gate, seen from the thread and from its host: both have an instance over the same {@link ThreadGate.state}. */
export class ThreadGate {
  /** What both sides share. */
  readonly state: SharedArrayBuffer;
  readonly #state: Int32Array;
  #last: Promise<unknown> = Promise.resolve();

  constructor(state: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.state = state;
    this.#state = new Int32Array(state);
  }

  /** The thread's side: does work that must not be cut short, one after the other. Once the gate is closed, the promise never settles. */
  pass<T>(work: () => Promise<T>): Promise<T> {
    const passing = this.#last.then(async (): Promise<T> => {
      if (Atomics.compareExchange(this.#state, 0, OPEN, PASSED) !== OPEN) return new Promise<never>(() => undefined);
      try {
        return await work();
      } finally {
        Atomics.store(this.#state, 0, OPEN);
        Atomics.notify(this.#state, 0);
      }
    });
    this.#last = passing.catch(() => undefined);
    return passing;
  }

  /** The thread's side, between two steps of its event loop, where it is inside nothing: ends the thread. */
  endThread(): never {
    Atomics.store(this.#state, 0, CLOSED);
    Atomics.notify(this.#state, 0);
    process.exit();
  }

  /** The host's side: closes the gate, blocking until the thread has come out. */
  close(): void {
    while (Atomics.compareExchange(this.#state, 0, OPEN, CLOSED) === PASSED) {
      if (Atomics.wait(this.#state, 0, PASSED, LONGEST_WAIT_MS) === "timed-out") return;
    }
  }
}

const open: Set<ThreadGate> = new Set();

/** Closes a gate when the process ends, or the thread that this is called in, unless it was forgotten before. */
export function closeAtExit(gate: ThreadGate): void {
  if (open.size === 0) hostProcess.on("exit", closeAll);
  open.add(gate);
}

/** Forgets the gate of a thread that has ended. */
export function forgetGate(gate: ThreadGate): void {
  if (open.delete(gate) && open.size === 0) hostProcess.off("exit", closeAll);
}

function closeAll(): void {
  for (const gate of open) gate.close();
}
