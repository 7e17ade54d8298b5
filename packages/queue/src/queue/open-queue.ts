/**
 * BullMQ's objects for an address, on its Redis or its PostgreSQL backend. BullMQ is loaded when a queue is opened.
 */
import type { Processor, Queue, Worker, WorkerOptions } from "bullmq";
import { shown } from "@chinese-clip/dataset/formats";
import { QueueError } from "../queue-error.js";
import { type QueueAddress, redisConnection } from "./address.js";

/** Which queue. */
export interface QueueLocation {
  /** The server. */
  readonly address: QueueAddress;
  /** The queue's name. */
  readonly name: string;
}

/** The queue's name where none is given. */
export const DEFAULT_QUEUE = "chinese-clip";

/** @throws QueueError - `invalid-name`: BullMQ builds keys of it. */
export function checkQueueName(name: string): string {
  if (!/^[\w.-]{1,100}$/u.test(name)) throw new QueueError("invalid-name", { got: `"${shown(name)}"` });
  return name;
}

/** Opens a queue to add, look at and renew jobs. The caller closes it. */
export async function openQueue(location: QueueLocation): Promise<Queue> {
  const { createPostgresBackend, Queue: RedisQueue, withBackend } = await import("bullmq");
  const { address, name } = location;
  const queue: Queue =
    address.backend === "redis"
      ? new RedisQueue(name, { connection: redisOptions(address), skipVersionCheck: true })
      : (new (withBackend(createPostgresBackend).Queue)(name, { connection: postgresOptions(address) }) as unknown as Queue);
  queue.on("error", () => undefined); // what waits for an answer sees it, or sees none until the server is back
  return queue;
}

/** Opens a worker that does not run yet. The caller runs and closes it. */
export async function openWorker(
  { address, name }: QueueLocation,
  processor: Processor,
  options: Omit<WorkerOptions, "connection" | "autorun">,
): Promise<Worker> {
  const { createPostgresBackend, Worker: RedisWorker, withBackend } = await import("bullmq");
  return address.backend === "redis"
    ? new RedisWorker(name, processor, { ...options, connection: redisOptions(address), skipVersionCheck: true, autorun: false })
    : (new (withBackend(createPostgresBackend).Worker)(name, processor, {
        ...options,
        connection: postgresOptions(address),
        autorun: false,
      }) as unknown as Worker);
}

function redisOptions(address: QueueAddress): Record<string, unknown> {
  return {
    ...redisConnection(address),
    maxRetriesPerRequest: null, // a server that restarts is waited for
    retryStrategy: (attempt: number) => Math.min(100 * 2 ** attempt, 2000),
  };
}

/** @returns options by which the first one who comes makes BullMQ's tables, in a schema of their own. */
function postgresOptions({ url }: QueueAddress): { readonly connectionString: string; readonly migrate: true } {
  return { connectionString: url.href, migrate: true };
}
