/**
 * Ctrl-C and the signals by which systems end a process: the first one aborts what runs, which then removes its temporary files; the second
 * ends the process at once.
 */

/** Signals to their numbers, which shells add to 128 in the exit code. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** Milliseconds that an interrupted command may take to end: less than the ten seconds after which containers are killed. */
const GRACE_MS = 8000;

/** A signal that {@link Interruption} knows. */
export type InterruptingSignal = keyof typeof SIGNALS;

/** What is used of `process`. */
export interface InterruptibleProcess {
  on(signal: InterruptingSignal, listener: () => void): unknown;
  exit(code: number): void;
}

/** Whether and by which signal this process was told to end. */
export class Interruption {
  readonly #controller = new AbortController();
  #received: InterruptingSignal | undefined;
  #graceMs = GRACE_MS;

  /**
   * Listens from now on.
   *
   * @param onStop - called at the first signal.
   */
  constructor(target: InterruptibleProcess, onStop: (signal: InterruptingSignal) => void) {
    for (const name of Object.keys(SIGNALS) as InterruptingSignal[]) {
      target.on(name, () => {
        if (this.#received !== undefined) return target.exit(128 + SIGNALS[name]);
        this.#received = name;
        setTimeout(() => target.exit(128 + SIGNALS[name]), this.#graceMs).unref();
        onStop(name);
        this.#controller.abort();
      });
    }
  }

  /** Gives the command another time to end, in seconds from the first signal: what it does then is worth waiting for. */
  extendGrace(seconds: number): void {
    this.#graceMs = seconds * 1000;
  }

  /** Aborted at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** 128 plus the first signal's number; undefined as long as there was none. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : 128 + SIGNALS[this.#received];
  }
}
