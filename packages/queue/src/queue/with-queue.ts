/** A queue for the time of one piece of work. */
import type { Queue } from "bullmq";
import { parseQueueAddress } from "./address.js";
import { checkQueueName, DEFAULT_QUEUE, openQueue } from "./open-queue.js";
import { probeServer } from "./probe-server.js";

/** Which queue. */
export interface QueueOptions {
  /** Its server: `redis://127.0.0.1:6379`, `rediss:` for TLS, `postgres://user@host/database`. */
  readonly address: string;
  /** Its name; each manifest has a queue of its own. Default `chinese-clip`. */
  readonly queue?: string | undefined;
}

/**
 * Opens a queue, works with it and closes it.
 *
 * @throws QueueError - the server or the name cannot be used; and what `work` throws.
 */
export async function withQueue<Result>(options: QueueOptions, work: (queue: Queue) => Promise<Result>): Promise<Result> {
  const name = checkQueueName(options.queue ?? DEFAULT_QUEUE);
  const address = parseQueueAddress(options.address);
  await probeServer(address);
  const queue = await openQueue({ address, name });
  try {
    await queue.waitUntilReady();
    return await work(queue);
  } finally {
    await queue.close().catch(() => undefined);
  }
}
