/**
 * The worker's side of a `WorkerHost`: answers its requests, each by the handler named after the request's `type`. An exception outside a
 * handler ends the thread, which the host reports as a crash.
 */
import { answerRequests, type HostMessage, type RequestHandlers, type WorkerRequest } from "@chinese-clip/pipeline";
import { parentPort } from "node:worker_threads";
import type { ThreadGate } from "./thread-gate.js";
import { lowerThreadPriority } from "./thread-priority.js";

/** What a host sends: a message of the conversation, or, to a thread with a gate, word that it is to end. */
export type ThreadMessage = HostMessage | { readonly end: true };

/**
 * Serves requests on this thread until the host ends it, at a lower priority than the event loop's. Call it once, at the top of a worker's entry file.
 *
 * @param handlers - What to do for each type of request.
 * @param gate - Of a thread whose host gave it one.
 * @throws Error when called outside a worker thread.
 */
export function servePort<R extends WorkerRequest>(handlers: RequestHandlers<R>, gate?: ThreadGate): void {
  if (parentPort === null) throw new Error("servePort: expected to run inside a worker thread");
  lowerThreadPriority();
  const port = parentPort;
  const receive = answerRequests(handlers, (reply, transfer) => port.postMessage(reply, transfer));
  port.on("message", (message: ThreadMessage) => {
    if ("end" in message) gate?.endThread();
    else receive(message);
  });
}
