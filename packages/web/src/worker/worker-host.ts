/**
 * A Web Worker behind a {@link ThreadHost}. The worker's side is `worker-port.ts`.
 */
import { type ErrorRevivers, ThreadHost, type WorkerReply, type WorkerRequest } from "@chinese-clip/pipeline";

/** Calls into one worker. */
export class WorkerHost<R extends WorkerRequest> extends ThreadHost<R, Transferable> {
  /**
   * Does not start the worker yet.
   *
   * @param start - makes the worker.
   * @param name - for messages.
   * @param revivers - rebuild typed errors from the worker by their `name`.
   */
  constructor(start: () => Worker, name: string, revivers: ErrorRevivers = {}) {
    super(
      `${name} worker`,
      (events) => {
        const worker = start();
        const lose = (reason: string): void => {
          worker.terminate();
          events.crash(reason);
          events.ended();
        };
        worker.addEventListener("message", ({ data }: MessageEvent<WorkerReply>) => events.reply(data));
        worker.addEventListener("messageerror", () => lose("sent an answer that cannot be read"));
        worker.addEventListener("error", (event) => {
          event.preventDefault();
          // The event of a worker whose file is missing has no message.
          lose(event.message || "its file could not be loaded; is it served, as JavaScript, where the page looks for it?");
        });
        return {
          post: (message, transfer) => worker.postMessage(message, [...transfer]),
          end: () => worker.terminate(),
        };
      },
      revivers,
    );
  }
}
