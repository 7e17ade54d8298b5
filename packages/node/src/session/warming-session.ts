/**
 * A session that is ready at once and fast soon. ONNX Runtime repacks weights for its matrix kernels when it loads a graph, which reads all of
 * them and takes most of the loading time; a query is then a quarter (fp32) to a half (q8) faster, a batch hardly. So the first session
 * leaves the weights as they lie in the file. Once it has been busy for as long as packing takes, a packed one is made beside it, and takes
 * its place when it is ready: whoever asks little never pays for it, whoever asks much pays at most twice.
 */
import type { GraphSession } from "@chinese-clip/model";
import type { Tensor } from "onnxruntime-common";

/** Measured: 1.6 s for the text tower of ViT-B/16 in fp32, 0.6 s in q8. */
const BUSY_MS = 1000;

/** Two sessions taking turns: first the one without packing, then the packed one. */
export class WarmingSession implements GraphSession {
  #current: GraphSession;
  readonly #createPacked: () => Promise<GraphSession>;
  #packing: Promise<void> | undefined;
  readonly #packAfterMs: number;
  readonly #running: Set<Promise<unknown>> = new Set();
  /** Milliseconds in which at least one run was under way. */
  #busyMs = 0;
  #isDisposed = false;

  /**
   * @param unpacked - a loaded session.
   * @param createPacked - loads the one that is to take its place.
   * @param packAfterMs - how long the first one is to be busy before that.
   */
  constructor(unpacked: GraphSession, createPacked: () => Promise<GraphSession>, packAfterMs: number = BUSY_MS) {
    this.#current = unpacked;
    this.#createPacked = createPacked;
    this.#packAfterMs = packAfterMs;
  }

  get maxTokensPerRun(): number | undefined {
    return this.#current.maxTokensPerRun;
  }

  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>> {
    const start = performance.now();
    const running = this.#current.run(feeds);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      // Only the last of several waiting runs counts the time, or it would be counted several times.
      if (this.#running.size === 0) this.#busyMs += performance.now() - start;
      if (this.#busyMs >= this.#packAfterMs && !this.#isDisposed) this.#packing ??= this.#pack();
    }
  }

  async dispose(): Promise<void> {
    this.#isDisposed = true;
    await Promise.all([this.#current.dispose(), this.#packing]);
    await this.#current.dispose(); // what was being packed meanwhile
  }

  /** Never rejects: without a packed session, as for lack of memory, the first one goes on serving. */
  async #pack(): Promise<void> {
    let packed: GraphSession;
    try {
      packed = await this.#createPacked();
    } catch {
      return;
    }
    const unpacked = this.#current;
    const lastRuns = [...this.#running];
    this.#current = packed;
    await Promise.allSettled(lastRuns);
    await unpacked.dispose();
  }
}
