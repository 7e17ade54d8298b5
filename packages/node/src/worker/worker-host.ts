/**
 * A thread of `node:worker_threads` behind a {@link ThreadHost}. onnxruntime-node's `create` and `run` block the thread that calls them, and so
 * does a resize in JavaScript; both belong in a worker. The worker's side is `worker-port.ts`.
 */
import {
  type ErrorRevivers,
  type StartThread,
  ThreadHost,
  WorkerError,
  type WorkerReply,
  type WorkerRequest,
  errorMessage,
} from "@chinese-clip/pipeline";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker, type ResourceLimits, type TransferListItem } from "node:worker_threads";
import { closeAtExit, forgetGate, ThreadGate } from "./thread-gate.js";
import type { ThreadMessage } from "./worker-port.js";

/** Options of a {@link WorkerHost}. */
export interface WorkerHostOptions {
  /** The thread's name, in its crash messages and in debuggers. Default `"worker"`. */
  readonly name?: string;
  /** Given to the worker as `workerData`; cloned at each start. */
  readonly workerData?: unknown;
  /**
   * For a thread that must not be ended inside native code (`thread-gate.ts`): makes `workerData` at each start, with the state of the new
   * thread's gate in it. Such a thread is never terminated, but asked to end.
   */
  readonly gatedData?: (gate: SharedArrayBuffer) => unknown;
  /** Heap limits of the thread, in MiB; exceeding one is a crash of the worker, not of the process. */
  readonly resourceLimits?: ResourceLimits;
  /** Rebuilds typed errors from the worker by their `name`. */
  readonly reviveError?: ErrorRevivers;
}

/**
 * MiB of a thread's young generation: two half-spaces of one and what is between. V8's own limit is 48, which a thread under steady load reaches
 * only after minutes, so that memory seems to leak; a thread whose garbage is large arrays and few objects collects them sooner with less.
 * Measured: embedding 5000 drawings took 210 MB instead of 270, in the same time.
 */
const YOUNG_GENERATION = 3;

/**
 * Calls into one worker thread. Idle, it keeps no process alive.
 *
 * @typeParam R - The union of requests that the worker's `servePort` answers.
 */
export class WorkerHost<R extends WorkerRequest = WorkerRequest & Readonly<Record<string, unknown>>> extends ThreadHost<
  R,
  TransferListItem
> {
  /**
   * Does not start the thread yet.
   *
   * @param entry - The `file:` URL of the worker's entry file, a module that calls `servePort`, or a function that makes it.
   */
  constructor(entry: URL | (() => URL), options: WorkerHostOptions = {}) {
    super(`${options.name ?? "worker"} thread`, (events) => startWorker(findEntry(entry), options, events), options.reviveError);
  }
}

function startWorker(
  url: URL,
  { name = "worker", workerData, gatedData, resourceLimits }: WorkerHostOptions,
  events: Parameters<StartThread<TransferListItem>>[0],
): ReturnType<StartThread<TransferListItem>> {
  const gate = gatedData === undefined ? undefined : new ThreadGate();
  const worker = new Worker(url, {
    name,
    workerData: gate === undefined ? workerData : gatedData?.(gate.state),
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION, ...resourceLimits },
    // A thread inherits Node's flags, and under --input-type no entry file loads. Passing the others on by hand is no way out: a worker
    // rejects, when told explicitly, the flags that it silently ignores when it inherits them.
    ...(process.execArgv.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {}),
  });
  if (gate !== undefined) closeAtExit(gate);
  worker.on("message", (reply: WorkerReply) => events.reply(reply));
  worker.on("messageerror", (error) => {
    // Nothing says which call the unreadable answer belonged to.
    events.crash(`sent an answer that cannot be read (${error.message})`, error);
    void worker.terminate();
  });
  worker.on("error", (error: unknown) => events.crash(crashReason(url, error), error));
  worker.on("exit", (exitCode) => {
    if (gate !== undefined) forgetGate(gate);
    events.crash(`exit code ${exitCode}`);
    events.ended();
  });
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    setBusy: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
    async end() {
      await (gate === undefined ? worker.terminate() : askToEnd(worker));
    },
  };
}

/** The entry's URL. CommonJS that a bundler made has no `import.meta.url`, and Node's own error names no cure. */
function findEntry(entry: URL | (() => URL)): URL {
  try {
    return typeof entry === "function" ? entry() : entry;
  } catch (cause) {
    throw new WorkerError("crashed", `@chinese-clip/node: expected to lie in an ES module, got CommonJS. ${BUNDLED}`, { cause });
  }
}

/** Why a thread crashed: a bundler may have left its entry file behind. */
function crashReason(url: URL, error: unknown): string {
  const isMissing = url.protocol === "file:" && !existsSync(url);
  return isMissing ? `expected the file ${fileURLToPath(url)}, got none. ${BUNDLED}` : errorMessage(error);
}

const BUNDLED =
  "If a bundler left it out: keep @chinese-clip/node external (esbuild: --external:@chinese-clip/node; Next.js: serverExternalPackages; " +
  "webpack, Rollup: externals), or copy its dist/*.cjs beside a bundle in ESM format";

/** Resolves when the thread has finished its current call and ended itself. */
function askToEnd(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once("exit", () => resolve());
    worker.ref(); // so that the process stays alive until the thread has ended
    worker.postMessage({ end: true } satisfies ThreadMessage, []);
  });
}
