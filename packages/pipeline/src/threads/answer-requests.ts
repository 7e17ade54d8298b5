/**
 * The thread's side of a conversation with its host, whatever carries the messages: a `MessagePort` of Node, a Web Worker.
 *
 * Handlers run concurrently, in the order of arrival up to their first `await`. What a handler throws reaches the caller as an error of the
 * same name, message, code, details and causes (`serialized-error.ts`); an exception outside a handler is the platform's to report.
 */
import { serializeError, type SerializedError } from "./serialized-error.js";

/** A request: its `type` names the handler, the other fields are the handler's and must survive the structured clone. */
export interface WorkerRequest {
  /** Names the handler. */
  readonly type: string;
}

/** What the host sends: a request under a number, or word that the caller no longer wants the answer to one. */
export type HostMessage = { readonly id: number; readonly request: WorkerRequest } | { readonly cancel: number };

/** What the thread sends back. */
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

/** An answer some of whose buffers are moved to the host instead of copied; the thread cannot use them afterwards. */
export class Transferred {
  /** The answer. */
  readonly value: unknown;
  /** Buffers inside it. */
  readonly transfer: readonly ArrayBuffer[];

  constructor(value: unknown, transfer: readonly ArrayBuffer[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/**
 * Makes what a thread does with each message of its host.
 *
 * @param handlers - what to do for each type of request.
 * @param post - sends a reply; throws when it cannot be cloned.
 */
export function answerRequests<R extends WorkerRequest>(
  handlers: RequestHandlers<R>,
  post: (reply: WorkerReply, transfer: readonly ArrayBuffer[]) => void,
): (message: HostMessage) => void {
  const running = new Map<number, AbortController>();
  return (message) => {
    if ("cancel" in message) {
      running.get(message.cancel)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(message.id, controller);
    void answer(handlers, post, message.id, message.request, controller.signal).finally(() => running.delete(message.id));
  };
}

/** Never rejects: whatever goes wrong in the handler or in cloning its answer is sent as the answer. */
async function answer<R extends WorkerRequest>(
  handlers: RequestHandlers<R>,
  post: (reply: WorkerReply, transfer: readonly ArrayBuffer[]) => void,
  id: number,
  request: WorkerRequest,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (!Object.hasOwn(handlers, request.type))
      throw new TypeError(`worker: no handler for requests of type ${JSON.stringify(request.type)}`);
    // `type` picks the handler of that very member of the union, which TypeScript cannot follow
    const handle = handlers[request.type as R["type"]] as (request: WorkerRequest, context: RequestContext) => unknown;
    const result = await handle(request, { signal });
    const { value, transfer } = result instanceof Transferred ? result : { value: result, transfer: [] };
    post({ id, value }, transfer);
  } catch (thrown) {
    post({ id, error: serializeError(thrown) }, []);
  }
}
