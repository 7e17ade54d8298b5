/**
 * The worker's side of a {@link WorkerHost}: answers its requests, each by the handler named after the request's `type`.
 *
 * Handlers run concurrently, in the order of arrival up to their first `await`. What a handler throws reaches the caller as an error of the
 * same name, message, code, details and causes (`serialized-error.ts`); an exception outside a handler ends the thread, which the host
 * reports as a crash.
 */

import { parentPort, type MessagePort, type TransferListItem } from "node:worker_threads";
import { serializeError, type SerializedError } from "./serialized-error.js";

/** A request: its `type` names the handler, the other fields are the handler's and must survive the structured clone. */
export interface WorkerRequest {
  readonly type: string;
}

/** What the host sends: a request under a number, or word that the caller no longer wants the answer to one. */
export type HostMessage = { readonly id: number; readonly request: WorkerRequest } | { readonly cancel: number };

/** What the worker sends back. */
export type WorkerReply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: SerializedError };

/** What a handler gets besides its request. */
export interface RequestContext {
  /** Aborted when the caller's signal is; a handler is free to ignore it, since nobody waits for its answer any more. */
  readonly signal: AbortSignal;
}

/** One handler per request type. It returns the answer, or a {@link Transferred} one, or a promise of either. */
export type RequestHandlers<R extends WorkerRequest> = {
  readonly [Type in R["type"]]: (request: Extract<R, { readonly type: Type }>, context: RequestContext) => unknown;
};

/** An answer some of whose buffers are moved to the host instead of copied; the worker cannot use them afterwards. */
export class Transferred {
  readonly value: unknown;
  readonly transfer: readonly TransferListItem[];

  /**
   * @param value - The answer.
   * @param transfer - `ArrayBuffer`s (or other transferable objects) inside `value`.
   */
  constructor(value: unknown, transfer: readonly TransferListItem[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/**
 * Serves requests on this thread until the host ends it. Call it once, at the top of a worker's entry file.
 *
 * @param handlers - What to do for each type of request.
 * @throws Error when called outside a worker thread.
 */
export function servePort<R extends WorkerRequest>(handlers: RequestHandlers<R>): void {
  if (parentPort === null) throw new Error("servePort: expected to run inside a worker thread");
  const port = parentPort;
  const running = new Map<number, AbortController>();
  port.on("message", (message: HostMessage) => {
    if ("cancel" in message) {
      running.get(message.cancel)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(message.id, controller);
    void answer(port, handlers, message.id, message.request, controller.signal).finally(() => running.delete(message.id));
  });
}

/** Never rejects: whatever goes wrong in the handler or in cloning its answer is sent as the answer. */
async function answer<R extends WorkerRequest>(
  port: MessagePort,
  handlers: RequestHandlers<R>,
  id: number,
  request: WorkerRequest,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (!Object.hasOwn(handlers, request.type))
      throw new TypeError(`servePort: no handler for requests of type ${JSON.stringify(request.type)}`);
    // `type` picks the handler of that very member of the union, which TypeScript cannot follow
    const handle = handlers[request.type as R["type"]] as (request: WorkerRequest, context: RequestContext) => unknown;
    const result = await handle(request, { signal });
    const { value, transfer } = result instanceof Transferred ? result : { value: result, transfer: [] };
    port.postMessage({ id, value } satisfies WorkerReply, transfer);
  } catch (thrown) {
    port.postMessage({ id, error: serializeError(thrown) } satisfies WorkerReply);
  }
}
