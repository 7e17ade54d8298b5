/**
 * A session that is ready at once and fast soon. ONNX Runtime repacks weights for speed when it loads a graph, which reads all of them and
 * takes most of the loading time. So the first session leaves the weights as they lie in the file; from the second run on, a packed one is
 * made beside it, and takes its place when it is ready. A process that asks once never pays for the packing.
 */
import type { GraphSession } from "@chinese-clip/model";
import type { Tensor } from "onnxruntime-common";
import type { SessionThread } from "./session-thread.js";

/** The run that shows that there will be more. */
const WARMING_RUN = 2;

/** Two threads taking turns: first the one without packing, then the packed one. */
export class WarmingSession implements GraphSession {
  #current: SessionThread;
  readonly #createPacked: () => SessionThread;
  #packed: SessionThread | undefined;
  #packing: Promise<void> = Promise.resolve();
  #runs = 0;
  readonly #running: Set<Promise<unknown>> = new Set();
  #isDisposed = false;

  /**
   * @param unpacked - a loaded thread.
   * @param createPacked - makes the thread that is to take its place.
   */
  constructor(unpacked: SessionThread, createPacked: () => SessionThread) {
    this.#current = unpacked;
    this.#createPacked = createPacked;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    if (++this.#runs === WARMING_RUN) this.#packing = this.#pack();
    const running = this.#current.run(feeds);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await Promise.all([this.#current.dispose(), this.#packed?.dispose(), this.#packing]);
  }

  /** Never rejects: without a packed session, as for lack of memory, the first one goes on serving. */
  async #pack(): Promise<void> {
    const packed = this.#createPacked();
    this.#packed = packed;
    try {
      await packed.load(false);
    } catch {
      return;
    }
    if (this.#isDisposed) return;
    const unpacked = this.#current;
    const lastRuns = [...this.#running];
    this.#current = packed;
    await Promise.allSettled(lastRuns);
    await unpacked.dispose();
  }
}
