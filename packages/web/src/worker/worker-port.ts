/**
 * The worker's side of a {@link WorkerHost}: answers its requests, each by the handler named after the request's `type`.
 */
import { answerRequests, type HostMessage, type RequestHandlers, type WorkerReply, type WorkerRequest } from "@chinese-clip/pipeline";

/** What of a worker's global scope is used here; the DOM's types are a window's. */
interface WorkerScope {
  addEventListener(type: "message", listener: (event: { readonly data: HostMessage }) => void): void;
  postMessage(reply: WorkerReply, transfer: readonly ArrayBuffer[]): void;
}

/** Serves requests until the host ends this worker. Call it once, at the end of a worker's entry file. */
export function servePort<R extends WorkerRequest>(handlers: RequestHandlers<R>): void {
  const scope = globalThis as unknown as WorkerScope;
  const receive = answerRequests(handlers, (reply, transfer) => scope.postMessage(reply, transfer));
  scope.addEventListener("message", ({ data }) => receive(data));
}
